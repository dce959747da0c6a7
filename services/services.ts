/**
 * The one list of the services that own a schema and meet on Kafka. Ports, schemas, users and variables follow from it
 * (deploy/local, ops, tests). What is written elsewhere (compose, the image, the gateway's variables) is held against
 * it by api/services.test.ts. A new service begins here.
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

export const SERVICES = {
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

export type ServiceName = keyof typeof SERVICES;

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];

/** Those that say something: each has rows in its outbox that must come to be on its topics. */
export const PUBLISHERS: readonly ServiceName[] = SERVICE_NAMES.filter((name) => SERVICES[name].topics.length > 0);

/** A service's MySQL schema; its user has the same name. */
export const schemaOf = <N extends ServiceName>(name: N): `shop_${N}` => `shop_${name}`;

/** The variable that holds the base URLs of a service's instances, comma separated. */
export const urlsVariable = (name: ServiceName): string => `${name.toUpperCase()}_URLS`;

/** The variable that holds the URL of a service's schema, for those that know several. */
export const databaseVariable = (name: ServiceName): string => `${name.toUpperCase()}_DATABASE_URL`;
