/**
 * The single list of services that own a schema and use Kafka. Ports, schemas, users and variables follow from it
 * (deploy/local, the gateway, ops, tests). Files that repeat it (compose, the image) are compared with it by
 * api/services.test.ts. A new service begins here.
 */
interface ServiceDefinition {
  /** Its port, before a stack's port offset. */
  readonly port: number;
  /** Its consumer groups; compared with the subscriptions in `src/messaging`, which define the types each handles. */
  readonly groups: readonly string[];
  /** The topics it publishes to, through its outbox. */
  readonly topics: readonly string[];
  /** Whether a schema restored from a backup can be recovered from the topics (`RECOVERY=on`); as in its main.ts. */
  readonly recovers: boolean;
}

/** The services of the shop: services/<name>. */
const SHOP = {
  order: { port: 3001, groups: ['order', 'data-platform'], topics: ['order-events'], recovers: true },
  catalog: { port: 3002, groups: ['catalog'], topics: ['catalog-events'], recovers: true },
  payment: { port: 3003, groups: ['payment'], topics: ['payment-events'], recovers: true },
  coupon: {
    port: 3004,
    groups: ['coupon', 'coupon-issue'],
    topics: ['coupon-events', 'coupon-issue-requests'],
    recovers: true,
  },
  ranking: { port: 3005, groups: ['ranking'], topics: [], recovers: true },
} as const satisfies Readonly<Record<string, ServiceDefinition>>;

/** Examples: examples/<name>. Each runs only if chosen by `npm start -- --with <name>`. */
const EXAMPLES = {
  shipping: { port: 3008, groups: ['shipping'], topics: ['shipping-events'], recovers: false },
} as const satisfies Readonly<Record<string, ServiceDefinition>>;

export const SERVICES = { ...SHOP, ...EXAMPLES };
export type ServiceName = keyof typeof SERVICES;
export type ExampleName = keyof typeof EXAMPLES;

export const SHOP_NAMES = Object.keys(SHOP) as readonly (keyof typeof SHOP)[];
export const EXAMPLE_NAMES = Object.keys(EXAMPLES) as readonly ExampleName[];
/** Every service, whether it runs here or not. */
export const ALL_SERVICE_NAMES: readonly ServiceName[] = [...SHOP_NAMES, ...EXAMPLE_NAMES];

/** The variable with the examples that run in this stack, comma separated. */
export const WITH_VARIABLE = 'SHOP_WITH';

/** @throws an error in words when a name is no example's */
export function readExamples(names: string | undefined): ExampleName[] {
  const wanted = (names ?? '').split(',').filter(Boolean);
  return wanted.map((name) => {
    const example = EXAMPLE_NAMES.find((each) => each === name);
    if (!example) throw new Error(`There is no example ${name}; there is ${EXAMPLE_NAMES.join(', ')}.`);
    return example;
  });
}

/** The services of a stack with these examples. */
export function namesWith(examples: readonly ExampleName[] = []): readonly ServiceName[] {
  return [...SHOP_NAMES, ...examples];
}

/** The services that run here: the shop's, and the examples in `SHOP_WITH`. */
export const SERVICE_NAMES = namesWith(readExamples(process.env[WITH_VARIABLE]));

/** Services that publish: the rows of their outboxes must reach their topics. */
export const PUBLISHERS: readonly ServiceName[] = SERVICE_NAMES.filter((name) => SERVICES[name].topics.length > 0);

export const isExample = (name: ServiceName): boolean => name in EXAMPLES;

/** A service's folder, relative to the repository's root. */
export const folderOf = (name: ServiceName): string => `${isExample(name) ? 'examples' : 'services'}/${name}`;

/** A service's MySQL schema; its user, who reads and writes rows, has the same name. */
export const schemaOf = <N extends ServiceName>(name: N): `shop_${N}` => `shop_${name}`;

/** The user who changes the tables of a schema: for migrations and restores. */
export const migratorOf = <S extends string>(schema: S): `${S}_migration` => `${schema}_migration`;

/** The variable with the base URLs of a service's instances, comma separated. */
export const urlsVariable = <N extends ServiceName>(name: N): `${Uppercase<N>}_URLS` =>
  `${name.toUpperCase() as Uppercase<N>}_URLS`;

/** The variable with the URL of a service's schema, for processes that use several schemas. */
export const databaseVariable = (name: ServiceName): string => `${name.toUpperCase()}_DATABASE_URL`;

/** The same, as the user who changes its tables. */
export const migrationVariable = (name: ServiceName): string => `${name.toUpperCase()}_MIGRATION_DATABASE_URL`;

/** An instance serves its metrics so far above its port, unless METRICS_PORT names another; as in libs/chassis. */
export const METRICS_PORT_ABOVE = 100;

/** The variable with the port where every instance serves its metrics, for tools; without it their PORT + 100. */
export const METRICS_PORT_VARIABLE = 'SHOP_METRICS_PORT';

/**
 * Where an instance serves its metrics: always in plain text, also where its base URL says https.
 * @param url the instance's base URL
 * @param port where all instances have the same; METRICS_PORT is the asking process's own
 */
export function metricsUrl(url: string, port: string | undefined = process.env[METRICS_PORT_VARIABLE]): string {
  const { protocol, hostname, port: own } = new URL(url);
  const ownPort = Number(own || (protocol === 'https:' ? 443 : 80));
  return `http://${hostname}:${port || ownPort + METRICS_PORT_ABOVE}/metrics`;
}
