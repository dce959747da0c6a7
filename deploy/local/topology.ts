import { join } from 'node:path';
import {
  ALL_SERVICE_NAMES,
  EXAMPLE_NAMES,
  type ExampleName,
  folderOf,
  type ServiceName as SchemaOwner,
  SERVICES,
  SHOP_NAMES,
  schemaOf,
  urlsVariable,
  WITH_VARIABLE,
} from '../../services/services.ts';
import { influxdb } from './parts/influxdb.ts';
import { jaeger } from './parts/jaeger.ts';
import { kafka } from './parts/kafka.ts';
import { mysql } from './parts/mysql.ts';
import { prometheus } from './parts/prometheus.ts';
import { redis } from './parts/redis.ts';
import { registry } from './parts/registry.ts';
import type { Server } from './parts/server.ts';
import { root } from './paths.ts';

export type ServerName = 'mysql' | BrokerName | 'registry' | 'redis';
export type BrokerName = 'kafka' | 'kafka-2' | 'kafka-3';
/** Servers that the shop runs without; the command that needs one starts it. */
export type OnDemandName = 'influxdb' | 'prometheus' | 'jaeger';
export type PartName = ServerName | OnDemandName;
/** Processes of the shop's own code. */
export type ServiceName = SchemaOwner | 'gateway' | 'data-platform' | 'ops-console';

interface Row {
  /** On 127.0.0.1, before a stack's port offset. */
  port: number;
  /** The rows that must be ready before this one starts. */
  after: (ServerName | ServiceName)[];
}

export interface ServerRow<Name extends PartName = ServerName> extends Row {
  name: Name;
  server: Server;
  /** Number of ports it listens on, from `port` on; default 1. */
  ports?: number;
  /** Environment variables that name an existing server, which is used instead of starting one. */
  instead: string[];
  link: (port: number) => string;
}

export interface ServiceRow extends Row {
  name: ServiceName;
  /** Its MySQL schema, which is also its user's name. Migrations are applied before the first start. */
  schema?: string;
  /** The main program; default `src/main.ts` in the service's folder. */
  entry?: string;
  /** True when only one instance runs, regardless of the number of the others. */
  single?: boolean;
  /** True when it reads every schema, like the audit. */
  audits?: boolean;
  /** Variables besides the addresses that every service gets. */
  env?: (stack: Surroundings) => Record<string, string>;
}

/** Parts of a stack that a service's variables may depend on. */
interface Surroundings {
  /** The addresses of every instance of a service, comma separated. */
  urls: (service: ServiceName) => string;
  /** The stack's folder. */
  dir: string;
  /** The services with a schema that run in the stack. */
  names: readonly SchemaOwner[];
}

const afterServers: (ServerName | ServiceName)[] = ['mysql', 'kafka', 'registry', 'redis', 'data-platform'];

/** The processes of a stack: ports and order of start. A server's command, settings and probe are in parts/. */
export const servers: ServerRow[] = [
  {
    name: 'mysql',
    port: 13306,
    after: [],
    server: mysql,
    instead: ['MYSQL_HOST'],
    link: (port) => `mysql://root@127.0.0.1:${port}`,
  },
  broker('kafka', 19092),
  {
    name: 'registry',
    port: 18081,
    after: [],
    server: registry,
    instead: ['SCHEMA_REGISTRY_URL'],
    link: (port) => `http://127.0.0.1:${port}/apis/ccompat/v7`,
  },
  {
    name: 'redis',
    port: 16379,
    after: [],
    server: redis,
    instead: ['REDIS_URL'],
    link: (port) => `redis://127.0.0.1:${port}`,
  },
];

/** The brokers of a stack with three, the first of which every stack has. */
export const brokers: ServerRow<BrokerName>[] = [
  broker('kafka', 19092),
  broker('kafka-2', 19094),
  broker('kafka-3', 19096),
];

function broker<Name extends BrokerName>(name: Name, port: number): ServerRow<Name> {
  // The second port is its controller's.
  const own = { name, port, ports: 2, after: [], server: kafka };
  return { ...own, instead: ['KAFKA_BROKERS'], link: (at) => `127.0.0.1:${at}` };
}

/** Started by the command that needs one, stopped with the stack. */
export const serversOnDemand: ServerRow<OnDemandName>[] = [
  {
    name: 'influxdb',
    port: 18086,
    // The second is for backups.
    ports: 2,
    after: [],
    server: influxdb,
    instead: ['--influx <url>'],
    link: (port) => `http://127.0.0.1:${port}`,
  },
  {
    name: 'prometheus',
    port: 19090,
    after: [],
    server: prometheus,
    instead: [],
    link: (port) => `http://127.0.0.1:${port}`,
  },
  {
    name: 'jaeger',
    port: 16686,
    ports: 7,
    after: [],
    server: jaeger,
    instead: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    link: (port) => `http://127.0.0.1:${port}`,
  },
];

const allServers: ServerRow<PartName>[] = [...servers, ...brokers.slice(1), ...serversOnDemand];

function serviceWithSchema(name: SchemaOwner): ServiceRow {
  return { name, port: SERVICES[name].port, after: afterServers, schema: schemaOf(name) };
}

/** The shop's services. Each is ready when GET /health/ready answers 200. */
export const services: ServiceRow[] = [
  {
    // Stands for the external platform that receives ended orders.
    name: 'data-platform',
    port: 3006,
    after: [],
    entry: 'deploy/local/data-platform/main.ts',
    single: true,
    env: ({ dir }) => ({ SINK_FILE: join(dir, 'data-platform', 'events.jsonl') }),
  },
  ...SHOP_NAMES.map(
    (name): ServiceRow => ({
      ...serviceWithSchema(name),
      ...(name === 'order' && { env: ({ urls }) => ({ DATA_PLATFORM_URL: platformEndpoint(urls('data-platform')) }) }),
    }),
  ),
  {
    // The browser interface for operators. It calls the gateway but does not wait for it.
    name: 'ops-console',
    port: 3007,
    after: afterServers,
    entry: 'ops-console/main.ts',
    single: true,
    audits: true,
    env: (stack) => ({
      ...behindTheGateway(stack),
      GATEWAY_URLS: stack.urls('gateway'),
      // Here somebody looks: an audit now and then would only disturb what is measured.
      AUDIT_EVERY_MINUTES: process.env.AUDIT_EVERY_MINUTES ?? '0',
      DATA_PLATFORM_URL: platformEndpoint(stack.urls('data-platform')),
    }),
  },
  {
    name: 'gateway',
    port: 3000,
    after: [...ALL_SERVICE_NAMES],
    env: (stack) => ({
      ...behindTheGateway(stack),
      OPS_URLS: stack.urls('ops-console'),
      // Used unless JWKS_URL names an issuer.
      ...(!process.env.JWKS_URL && { DEMO_AUTH: 'true', DEMO_KEY_FILE: join(stack.dir, 'demo-key.pem') }),
      // Off, because all clients have the same address here.
      RATE_LIMIT_ADDRESS: 'off',
    }),
  },
];

/** Every service of a stack with these examples. */
export function servicesWith(names: readonly ExampleName[] = []): ServiceRow[] {
  return [...services, ...names.map(serviceWithSchema)];
}

/** Every service that a stack can have. */
export const allServices: ServiceRow[] = servicesWith(EXAMPLE_NAMES);

/** The names and addresses of running services and examples. */
function behindTheGateway({ urls, names }: Surroundings): Record<string, string> {
  return {
    [WITH_VARIABLE]: EXAMPLE_NAMES.filter((name) => names.includes(name)).join(','),
    ...Object.fromEntries(names.map((name) => [urlsVariable(name), urls(name)])),
  };
}

/** Reads every schema and changes nothing; for the audit. */
export const auditUser = 'shop_audit';

/** Every port of a server. */
export function portsOf({ ports = 1 }: Pick<ServerRow<PartName>, 'ports'>, first: number): number[] {
  return Array.from({ length: ports }, (_, index) => first + index);
}

/** Each further instance of a service has a port ten higher. */
export function servicePort(service: ServiceRow, instance: number, portOffset: number): number {
  return service.port + (instance - 1) * 10 + portOffset;
}

export function serverRow(name: PartName): ServerRow<PartName> {
  return find(allServers, name);
}

/** Whether a recorded process is a server, rather than an instance of a service. */
export function isServer(name: string): name is PartName {
  return allServers.some((row) => row.name === name);
}

export function serviceRow(name: ServiceName): ServiceRow {
  return find(allServices, name);
}

function find<R extends { name: string }>(rows: R[], name: string): R {
  const row = rows.find((each) => each.name === name);
  if (!row) throw new Error(`${name} is not in deploy/local/topology.ts`);
  return row;
}

export function entryPoint(service: ServiceName): string {
  const entry = serviceRow(service).entry ?? join(serviceFolder(service), 'src/main.ts');
  return join(root, entry);
}

/** From the repository's root. */
export function serviceFolder(service: ServiceName): string {
  const owner = ALL_SERVICE_NAMES.find((name) => name === service);
  return owner ? folderOf(owner) : `services/${service}`;
}

/** The number of instances of a service. */
export function instancesOf(service: ServiceRow, instances: number): number {
  return service.single ? 1 : instances;
}

/** The data platform's URL for events. */
export function platformEndpoint(url: string): string {
  return `${url}/events`;
}

/** Groups rows into steps: all rows of a step may start at once, after all earlier steps. */
export function startSteps<R extends { name: string; after: string[] }>(rows: R[]): R[][] {
  const steps: R[][] = [];
  let left = rows;
  while (left.length > 0) {
    const waiting = new Set(left.map((row) => row.name));
    const step = left.filter((row) => row.after.every((name) => !waiting.has(name)));
    if (step.length === 0) throw new Error(`The topology goes in a circle: ${left.map((row) => row.name).join(', ')}`);
    steps.push(step);
    left = left.filter((row) => !step.includes(row));
  }
  return steps;
}
