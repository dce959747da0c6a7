import {
  databaseVariable,
  type ExampleName,
  migrationVariable,
  migratorOf,
  namesWith,
  schemaOf,
  urlsVariable,
  WITH_VARIABLE,
} from '../../services/services.ts';
import { collectorPort } from './parts/jaeger.ts';
import { stackDir } from './paths.ts';
import { internalKeysEnv } from './secrets.ts';
import {
  auditUser,
  type BrokerName,
  brokers,
  instancesOf,
  type PartName,
  platformEndpoint,
  type ServerName,
  type ServiceName,
  type ServiceRow,
  serverRow,
  servers,
  servicePort,
  serviceRow,
} from './topology.ts';

/** Existing servers, used instead of starting our own. */
export interface ExistingServers {
  mysql?: { host: string; port: number; password: string };
  /** Brokers, comma separated. */
  kafka?: string;
  /** The TOPIC_VARIABLES that were set when the stack started: tools in another terminal must use the same. */
  kafkaTopics?: Record<string, string>;
  registry?: string;
  redis?: string;
}

/** The layout of a stack; kept in the stack's folder so that other processes find its addresses. */
export interface StackLayout {
  name: string;
  /** Added to every port of the topology. */
  portOffset: number;
  /** The number of instances of each service. */
  instances: number;
  existing: ExistingServers;
  /** Number of Kafka's brokers, 1 or 3; default 1. */
  brokers?: number;
  /** Services of examples/ that run in the stack. */
  examples?: readonly ExampleName[];
  /** True when every request is traced, into the stack's own Jaeger. */
  traces?: boolean;
}

/** A stack's folder and layout. */
export interface StackPlace {
  name: string;
  dir: string;
  layout: StackLayout;
}

const TOPIC_VARIABLES = [
  'KAFKA_DURABILITY',
  'KAFKA_PARTITIONS',
  'KAFKA_REPLICATION_FACTOR',
  'KAFKA_MIN_INSYNC_REPLICAS',
];

/**
 * The servers that the environment names: MYSQL_HOST (MYSQL_PORT, MYSQL_ROOT_PASSWORD), KAFKA_BROKERS
 * (and what its topics are made with), SCHEMA_REGISTRY_URL, REDIS_URL.
 */
export function existingServers(env: Record<string, string | undefined>): ExistingServers {
  return {
    ...(env.MYSQL_HOST && {
      mysql: { host: env.MYSQL_HOST, port: Number(env.MYSQL_PORT ?? 3306), password: env.MYSQL_ROOT_PASSWORD ?? '' },
    }),
    ...(env.KAFKA_BROKERS && {
      kafka: env.KAFKA_BROKERS,
      kafkaTopics: Object.fromEntries(TOPIC_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    }),
    ...(env.SCHEMA_REGISTRY_URL && { registry: env.SCHEMA_REGISTRY_URL }),
    ...(env.REDIS_URL && { redis: env.REDIS_URL }),
  };
}

export function serverPort(layout: StackLayout, name: PartName): number {
  return serverRow(name).port + layout.portOffset;
}

/** The brokers of Kafka that the layout starts itself. */
export function brokerNames({ brokers: count = 1, existing }: StackLayout): BrokerName[] {
  return existing.kafka ? [] : brokers.slice(0, count).map((row) => row.name);
}

export function mysqlAddress(layout: StackLayout) {
  return layout.existing.mysql ?? { host: '127.0.0.1', port: serverPort(layout, 'mysql'), password: '' };
}

export function databaseUrl(layout: StackLayout, user: string, schema: string): string {
  const { host, port } = mysqlAddress(layout);
  return `mysql://${user}:${user}@${host}:${port}/${schema}`;
}

/** The addresses of every instance of a service, comma separated. */
function serviceUrls(layout: StackLayout, service: ServiceName, instances = layout.instances): string {
  const length = instancesOf(serviceRow(service), instances);
  return Array.from({ length }, (_, index) => serviceUrl(layout, service, index + 1)).join(',');
}

export function serviceUrl(layout: StackLayout, service: ServiceName, instance = 1): string {
  return `http://127.0.0.1:${servicePort(serviceRow(service), instance, layout.portOffset)}`;
}

/** Addresses of the servers, under the names that every process reads. */
export function serverEnv(layout: StackLayout): Record<string, string> {
  const { existing } = layout;
  const link = (name: ServerName) => serverRow(name).link(serverPort(layout, name));
  return {
    KAFKA_BROKERS: existing.kafka ?? brokerNames(layout).map(link).join(','),
    SCHEMA_REGISTRY_URL: existing.registry ?? link('registry'),
    REDIS_URL: existing.redis ?? link('redis'),
    // One broker keeps one copy. A Kafka that existed before is asked for what the environment says, or for three.
    ...existing.kafkaTopics,
    ...(!existing.kafka && {
      KAFKA_DURABILITY: brokerNames(layout).length === 1 ? 'single' : 'replicated',
      KAFKA_PARTITIONS: '6',
    }),
  };
}

/** The address of a trace in the stack's Jaeger. */
function traceUrl(layout: StackLayout): string {
  return `${serverRow('jaeger').link(serverPort(layout, 'jaeger'))}/trace/{traceId}`;
}

/** The environment of tools, tests and benchmarks of a stack. */
export function stackEnv(layout: StackLayout): Record<string, string> {
  const { host, port, password } = mysqlAddress(layout);
  const env: Record<string, string> = {
    SHOP_STACK: layout.name,
    SHOP_PORT_OFFSET: String(layout.portOffset),
    MYSQL_HOST: host,
    MYSQL_PORT: String(port),
    MYSQL_ROOT_PASSWORD: password,
    MYSQL_ROOT_URL: `mysql://root${password && `:${encodeURIComponent(password)}`}@${host}:${port}`,
    AUDIT_DATABASE_URL: databaseUrl(layout, auditUser, ''),
    ...serverEnv(layout),
    DATA_PLATFORM_URL: platformEndpoint(serviceUrl(layout, 'data-platform')),
    ...internalKeysEnv(stackDir(layout.name)),
    ...(layout.traces && { TRACE_UI_URL: traceUrl(layout) }),
  };
  env[WITH_VARIABLE] = (layout.examples ?? []).join(',');
  env.GATEWAY_URLS = serviceUrls(layout, 'gateway');
  env.GATEWAY_URL = serviceUrl(layout, 'gateway');
  for (const name of namesWith(layout.examples)) {
    const schema = schemaOf(name);
    env[databaseVariable(name)] = databaseUrl(layout, schema, schema);
    env[migrationVariable(name)] = databaseUrl(layout, migratorOf(schema), schema);
    env[urlsVariable(name)] = serviceUrls(layout, name);
    env[`${name.toUpperCase()}_URL`] = serviceUrl(layout, name);
  }
  return env;
}

/**
 * The environment of one instance of a service.
 * @param instances number of instances of each service, for services that call them
 */
export function serviceEnv(
  layout: StackLayout,
  row: ServiceRow,
  instance: number,
  instances = layout.instances,
): Record<string, string> {
  const surroundings = {
    urls: (service: ServiceName) => serviceUrls(layout, service, instances),
    dir: stackDir(layout.name),
    names: namesWith(layout.examples),
  };
  return {
    HOST: '127.0.0.1',
    PORT: String(servicePort(row, instance, layout.portOffset)),
    INSTANCE_ID: `${row.name}-${instance}`,
    ...serverEnv(layout),
    ...(layout.traces && tracedEnv(layout)),
    ...((!row.entry || row.audits) && internalKeysEnv(stackDir(layout.name))),
    ...(row.audits && { AUDIT_DATABASE_URL: databaseUrl(layout, auditUser, '') }),
    ...(row.schema && { DATABASE_URL: databaseUrl(layout, row.schema, row.schema) }),
    ...row.env?.(surroundings),
  };
}

/** Every request is traced: on one machine there are few. */
function tracedEnv(layout: StackLayout): Record<string, string> {
  const port = collectorPort(serverPort(layout, 'jaeger'));
  return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_TRACES_SAMPLER: 'always_on' };
}

/** Every server of the topology that this layout starts itself. */
export function ownServers(layout: StackLayout, parts: ServerName[] | undefined): ServerName[] {
  const others = servers.map((row) => row.name).filter((name) => name !== 'kafka');
  const own = [...others.filter((name) => !(name in layout.existing)), ...brokerNames(layout)];
  return own.filter((name) => parts?.includes(name) ?? true);
}
