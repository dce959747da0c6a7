/**
 * The one list of the services that own a schema and meet on Kafka. Ports, schemas, users and variables follow from it
 * (deploy/local, the gateway, ops, tests). What is written elsewhere (compose, the image) is held against it by
 * api/services.test.ts. A new service begins here.
 */
interface ServiceDefinition {
  /** It listens here, before a stack's port offset. */
  readonly port: number;
  /** Its consumer groups, held against the subscriptions in `src/messaging`, which say what each hears. */
  readonly groups: readonly string[];
  /** The topics that it writes to, through its outbox. */
  readonly topics: readonly string[];
  /**
   * Whether a schema restored from a backup can be brought forward by the topics (`RECOVERY=on`), as its main.ts says.
   */
  readonly recovers: boolean;
}

/** The shop itself: services/<name>. */
const SHOP = {
  order: { port: 3001, groups: ['order', 'data-platform'], topics: ['order-events'], recovers: false },
  catalog: { port: 3002, groups: ['catalog'], topics: ['catalog-events'], recovers: false },
  payment: { port: 3003, groups: ['payment'], topics: ['payment-events'], recovers: true },
  coupon: {
    port: 3004,
    groups: ['coupon', 'coupon-issue'],
    topics: ['coupon-events', 'coupon-issue-requests'],
    recovers: false,
  },
  ranking: { port: 3005, groups: ['ranking'], topics: [], recovers: false },
} as const satisfies Readonly<Record<string, ServiceDefinition>>;

/** Examples: examples/<name>. Each runs only where it is asked for, by `npm start -- --with <name>`. */
const EXAMPLES = {
  shipping: { port: 3008, groups: ['shipping'], topics: ['shipping-events'], recovers: false },
} as const satisfies Readonly<Record<string, ServiceDefinition>>;

export const SERVICES = { ...SHOP, ...EXAMPLES };
export type ServiceName = keyof typeof SERVICES;
export type ExampleName = keyof typeof EXAMPLES;

const SHOP_NAMES = Object.keys(SHOP) as readonly ServiceName[];
export const EXAMPLE_NAMES = Object.keys(EXAMPLES) as readonly ExampleName[];
/** Every service there is, whether it runs here or not. */
export const ALL_SERVICE_NAMES: readonly ServiceName[] = [...SHOP_NAMES, ...EXAMPLE_NAMES];

/** The variable that names the examples that run in this stack, comma separated. */
export const WITH_VARIABLE = 'SHOP_WITH';

/** @throws an error in words when a name is not that of an example */
export function readExamples(names: string | undefined): ExampleName[] {
  const wanted = (names ?? '').split(',').filter(Boolean);
  return wanted.map((name) => {
    const example = EXAMPLE_NAMES.find((each) => each === name);
    if (!example) throw new Error(`There is no example ${name}; there is ${EXAMPLE_NAMES.join(', ')}.`);
    return example;
  });
}

/** The services that run here: the shop's, and the examples that `SHOP_WITH` names. */
export const SERVICE_NAMES: readonly ServiceName[] = [...SHOP_NAMES, ...readExamples(process.env[WITH_VARIABLE])];

/** Services that publish: each has rows in its outbox that must come to be on its topics. */
export const PUBLISHERS: readonly ServiceName[] = SERVICE_NAMES.filter((name) => SERVICES[name].topics.length > 0);

/** A service's folder, from the repository's root. */
export const folderOf = (name: ServiceName): string => `${name in EXAMPLES ? 'examples' : 'services'}/${name}`;

/** A service's MySQL schema; its user has the same name. */
export const schemaOf = <N extends ServiceName>(name: N): `shop_${N}` => `shop_${name}`;

/** The variable that holds the base URLs of a service's instances, comma separated. */
export const urlsVariable = <N extends ServiceName>(name: N): `${Uppercase<N>}_URLS` =>
  `${name.toUpperCase() as Uppercase<N>}_URLS`;

/** The variable that holds the URL of a service's schema, for those that know several. */
export const databaseVariable = (name: ServiceName): string => `${name.toUpperCase()}_DATABASE_URL`;
