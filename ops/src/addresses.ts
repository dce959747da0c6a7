import { kafkaTopicConfig, loadConfig, readVariable } from '@shop/chassis';
import { type TopicPlan, topicPlan } from '@shop/events';
import { z } from 'zod';
import {
  databaseVariable,
  migrationVariable,
  migratorOf,
  SERVICE_NAMES,
  SERVICES,
  type ServiceName,
  schemaOf,
  urlsVariable,
} from '../../services/services.ts';

/**
 * The addresses of a stack: environment variables first (or the files that `<name>_FILE` names), else the local stack,
 * moved by `SHOP_PORT_OFFSET`.
 */
export interface Addresses {
  /** The gateway, e.g. `http://127.0.0.1:3000`. */
  readonly gateway: string;
  /** Every instance of the gateway. */
  readonly gateways: readonly string[];
  /** A read-only user of every schema; no schema in the path. */
  readonly auditDatabase: string;
  /** A user who backs schemas up: who may read each, and where there is a binary log its position. */
  readonly backupDatabase: string;
  readonly brokers: readonly string[];
  /** What the topics are made with and must have. Throws a ConfigError; only what needs Kafka asks. */
  readonly topics: () => TopicPlan;
  /** The Confluent API of the schema registry. */
  readonly registry: string;
  readonly redis: string;
  /** The order service posts ended orders to this URL; the local sink also lists the events it has. */
  readonly dataPlatform: string;
  readonly services: Readonly<Record<ServiceName, ServiceAddresses>>;
  /** Keys that sign calls to the services. The local stack's keys are in its folder; `npm run` passes them. */
  readonly internalKeys: string | undefined;
}

export interface ServiceAddresses {
  /** Base URLs, one for each instance. */
  readonly urls: readonly string[];
  /** The service's own schema, as the user who reads and writes its rows. */
  readonly database: string;
  /** The same, as the user who changes its tables. */
  readonly migrationDatabase: string;
}

/** The default addresses of a stack with this port offset, as environment variables. */
export function localEnvironment(portOffset: number): Record<string, string> {
  const port = (base: number) => base + portOffset;
  const services = SERVICE_NAMES.flatMap((name): [string, string][] => {
    const schema = schemaOf(name);
    const migrator = migratorOf(schema);
    return [
      [databaseVariable(name), `mysql://${schema}:${schema}@127.0.0.1:${port(13306)}/${schema}`],
      [migrationVariable(name), `mysql://${migrator}:${migrator}@127.0.0.1:${port(13306)}/${schema}`],
      [urlsVariable(name), `http://127.0.0.1:${port(SERVICES[name].port)}`],
    ];
  });
  return {
    GATEWAY_URLS: `http://127.0.0.1:${port(3000)}`,
    AUDIT_DATABASE_URL: `mysql://shop_audit:shop_audit@127.0.0.1:${port(13306)}/`,
    KAFKA_BROKERS: `127.0.0.1:${port(19092)}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port(18081)}/apis/ccompat/v7`,
    REDIS_URL: `redis://127.0.0.1:${port(16379)}`,
    DATA_PLATFORM_URL: `http://127.0.0.1:${port(3006)}/events`,
    ...Object.fromEntries(services),
  };
}

/** The local stack's topics, as long as no brokers are named. */
const LOCAL_TOPICS = { KAFKA_DURABILITY: 'single', KAFKA_PARTITIONS: '6' };

function readTopicPlan(env: Readonly<Record<string, string | undefined>>): TopicPlan {
  const defaults = readVariable('KAFKA_BROKERS', env) === undefined ? LOCAL_TOPICS : {};
  return topicPlan(loadConfig(z.object(kafkaTopicConfig), { ...defaults, ...env }));
}

/** @throws an error in words when a variable is not usable */
export function readAddresses(env: Readonly<Record<string, string | undefined>> = process.env): Addresses {
  const offset = Number(env.SHOP_PORT_OFFSET ?? 0);
  if (!Number.isInteger(offset))
    throw new Error(`SHOP_PORT_OFFSET is "${env.SHOP_PORT_OFFSET}"; it must be a whole number`);
  const defaults = localEnvironment(offset);
  const read = (name: string): string => readVariable(name, env) ?? defaults[name] ?? '';
  const isGiven = (name: string) => readVariable(name, env) !== undefined;
  const list = (name: string): string[] =>
    read(name)
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
  const url = (name: string, value = read(name)): string => {
    if (!URL.canParse(value)) throw new Error(`${name} is no URL`);
    return value;
  };
  const urls = (name: string): string[] => list(name).map((value) => url(name, value).replace(/\/$/, ''));
  const gateways = urls('GATEWAY_URLS');
  const service = (name: ServiceName): ServiceAddresses => ({
    urls: urls(urlsVariable(name)),
    database: url(databaseVariable(name)),
    // Where only one user is named, it does both, as for migrations: a default would lead to another server.
    migrationDatabase: url(
      isGiven(databaseVariable(name)) && !isGiven(migrationVariable(name))
        ? databaseVariable(name)
        : migrationVariable(name),
    ),
  });
  return {
    gateway: gateways[0] ?? '',
    gateways,
    auditDatabase: url('AUDIT_DATABASE_URL'),
    backupDatabase: url(
      readVariable('BACKUP_DATABASE_URL', env) === undefined ? 'AUDIT_DATABASE_URL' : 'BACKUP_DATABASE_URL',
    ),
    brokers: list('KAFKA_BROKERS'),
    topics: () => readTopicPlan(env),
    registry: url('SCHEMA_REGISTRY_URL'),
    redis: url('REDIS_URL'),
    dataPlatform: url('DATA_PLATFORM_URL').replace(/\/$/, ''),
    services: Object.fromEntries(SERVICE_NAMES.map((name) => [name, service(name)])) as Addresses['services'],
    internalKeys: readVariable('INTERNAL_KEYS', env),
  };
}
