import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS_PORT_ABOVE, migratorOf } from '../../services/services.ts';
import { databaseUrl, type StackPlace, serviceEnv, serviceUrl } from './addresses.ts';
import { untilReady } from './part.ts';
import { expectOk } from './parts/server.ts';
import { root } from './paths.ts';
import { portComesFree, takenPort, uncallablePort, whoListens } from './ports.ts';
import { endProcess, forgetRecord, goneWithin, isRunning, launch, readRecord, signalGroup, tail } from './processes.ts';
import { run } from './run.ts';
import { StackError } from './stack-error.ts';
import { entryPoint, type ServiceName, serviceFolder, servicePort, serviceRow, servicesWith } from './topology.ts';

export interface ServiceOptions {
  service: ServiceName;
  /** 1 for the first. Each further instance listens ten ports higher. */
  instance?: number;
  /** Number of instances of each service, for the gateway, which calls them. */
  instances?: number;
  env?: Record<string, string>;
  /** Further options of Node. */
  flags?: readonly string[];
}

/** One running instance of a service. */
export interface ServiceProcess {
  /** Service and instance: `order-1`. */
  name: string;
  pid: number;
  url: string;
  log: string;
  running(): boolean;
  /** Settles when GET /health/ready answers 200; fails when the process ends before or takes longer. */
  ready(withinMs?: number): Promise<void>;
  /** @returns whether it ended by itself */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<boolean>;
  kill9(): Promise<void>;
  /** The last lines of its output. */
  output(lines?: number): string;
}

/**
 * Without a limit V8 takes much memory under load before it collects: a service lives on about 40 MB. With a tight
 * limit it collects everything every second, just to free requests in flight. So the limit is some times the live size.
 * V8's helper threads for collecting would only take the two cores from other services.
 */
export const heapFlags = [
  '--max-old-space-size=256',
  '--max-semi-space-size=16',
  '--heap-growing-percent=150',
  '--single-threaded-gc',
  // For collecting in a process at rest (libs/chassis/src/process/heap-rest.ts).
  '--expose-gc',
];

/**
 * The C library's allocator holds the buffers of sockets and of Kafka's answers. By default it raises the size from
 * which a buffer has its own pages up to 32 MB, and gives each thread an arena: freed buffers then stay as holes in
 * both. With fixed limits they are returned to the system.
 */
export const allocator = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: String(128 << 10),
  MALLOC_TRIM_THRESHOLD_: String(128 << 10),
};

/** Starts one instance of a service; wait for `ready()` before using it. */
export async function startService(stack: StackPlace, options: ServiceOptions): Promise<ServiceProcess> {
  const { service, instance = 1, instances = stack.layout.instances } = options;
  const row = serviceRow(service);
  const name = `${service}-${instance}`;
  const port = servicePort(row, instance, stack.layout.portOffset);
  const pids = join(stack.dir, 'pids');
  const earlier = readRecord(pids, name);
  if (earlier && isRunning(earlier))
    throw new StackError(`${name} of the stack ${stack.name} already runs (pid ${earlier.pid}).`);
  const uncallable = [port, port + METRICS_PORT_ABOVE].map((each) => uncallablePort(name, each)).find(Boolean);
  if (uncallable) throw new StackError(uncallable);
  for (const each of [port, port + METRICS_PORT_ABOVE])
    if (!(await portComesFree(each))) throw new StackError(takenPort(name, each, whoListens(each), undefined));
  const record = await launch({
    name,
    command: process.execPath,
    args: [...heapFlags, ...(options.flags ?? []), entryPoint(service)],
    cwd: root,
    env: { ...inherited(), ...allocator, ...serviceEnv(stack.layout, row, instance, instances), ...options.env },
    log: join(stack.dir, 'logs', `${name}.log`),
    pids,
  });
  const url = serviceUrl(stack.layout, service, instance);
  return {
    name,
    pid: record.pid,
    url,
    log: record.log,
    running: () => isRunning(record),
    ready: (withinMs = 60_000) => untilReady(name, record, () => expectOk(`${url}/health/ready`), withinMs),
    async stop(signal = 'SIGTERM', graceMs = 15_000) {
      const byItself = await endProcess(record, signal, graceMs);
      forgetRecord(pids, record);
      return byItself;
    },
    async kill9() {
      signalGroup(record, 'SIGKILL');
      await goneWithin(record, 10_000);
      forgetRecord(pids, record);
    },
    output: (lines = 50) => tail(record, lines),
  };
}

/** The caller's environment without variables that would change how the service runs. */
function inherited(): Record<string, string | undefined> {
  const { NODE_OPTIONS: _jest, NODE_ENV: _env, JEST_WORKER_ID: _worker, ...rest } = process.env;
  return rest;
}

/** Applies the migrations of these services (default: the stack's). @returns the services that have migrations */
export async function migrate(stack: StackPlace, of = servicesWith(stack.layout.examples)): Promise<string[]> {
  const runner = join(root, 'libs/chassis/src/database/migrate.ts');
  const rows = of.flatMap(({ name, schema }) => (schema ? [{ name, schema }] : []));
  const present = rows.filter(({ name }) => existsSync(join(root, serviceFolder(name), 'prisma/migrations')));
  await Promise.all(
    present.map(({ name, schema }) =>
      run(process.execPath, [runner, serviceFolder(name)], {
        cwd: root,
        env: { ...inherited(), MIGRATION_DATABASE_URL: databaseUrl(stack.layout, migratorOf(schema), schema) },
      }),
    ),
  );
  return present.map(({ name }) => name);
}
