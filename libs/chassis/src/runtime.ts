import type { RequestListener } from 'node:http';
import { type ConnectionConfig, databaseSecurity } from './connections/index.ts';
import { createDatabase, type PooledDatabase } from './database/index.ts';
import { DatabaseUnavailableError } from './errors/index.ts';
import { type MetricsAddress, type ServeOptions, serve, serveMetrics } from './http/index.ts';
import {
  ConfigError,
  createHealth,
  createLogger,
  createMetrics,
  createShutdown,
  type Health,
  type Job,
  type JobOptions,
  type Logger,
  type Metrics,
  processHeapRest,
  redactConfig,
  type Shutdown,
  startJob,
  startTracing,
  type TracingConfig,
} from './process/index.ts';

/** How often a process checks whether it is at rest, ms: see `createHeapRest`. */
const HEAP_REST_EVERY_MS = 15_000;

/** So long at most a database whose clock is set anew has another time than its services, ms. */
const COMPARE_EVERY_MS = 10_000;

export type RuntimeConfig = MetricsAddress &
  TracingConfig & {
    readonly HOST: string;
    readonly INSTANCE_ID: string;
    readonly LOG_LEVEL: string;
    readonly RECOVERY?: boolean;
  };

type DatabaseConfig = RuntimeConfig &
  ConnectionConfig & {
    readonly DATABASE_URL: string;
    readonly DATABASE_POOL: number;
  };

/** The base of every process of the shop. Hooks registered with `shutdown` first run last. */
export interface Runtime<C extends RuntimeConfig = RuntimeConfig> {
  readonly service: string;
  readonly config: C;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly shutdown: Shutdown;
  /** Repeats a periodic job until the shutdown. */
  repeat(job: Pick<JobOptions, 'name' | 'everyMs' | 'restMs' | 'run'>): Pick<Job, 'trigger'>;
  /** Serves `app` until the shutdown. Call it last: hooks registered before it run after the requests have ended. */
  listen(app: RequestListener, options?: Pick<ServeOptions, 'maxConnections' | 'sockets' | 'prepare'>): Promise<void>;
}

export interface RuntimeOptions {
  /**
   * True when the service can bring a restored schema forward. A service that cannot refuses RECOVERY=on: going live
   * would lose events.
   */
  readonly recovers?: boolean;
}

/**
 * Log, metrics, health and an ordered stop for one process of `service`. Throws ConfigError when RECOVERY=on and the
 * service cannot recover.
 */
export function createRuntime<C extends RuntimeConfig>(
  service: string,
  config: C,
  { recovers = false }: RuntimeOptions = {},
): Runtime<C> {
  if (config.RECOVERY && !recovers)
    throw new ConfigError(`${service} cannot be brought forward by its events: RECOVERY must be off`);
  const instance = config.INSTANCE_ID;
  const logger = createLogger({ service, instance, level: config.LOG_LEVEL });
  const metrics = createMetrics({ service });
  const health = createHealth();
  const shutdown = createShutdown({ logger, health });
  logger.info({ config: redactConfig(config) }, 'starting');
  const build = readBuild();
  metrics
    .gauge('build_info', '1, with what runs here', ['instance_id', ...(Object.keys(build) as (keyof typeof build)[])])
    .set({ instance_id: instance, ...build }, 1);
  // Served from the beginning, since a recovery comes before everything else, and until the end.
  const served = serveMetrics(metrics, config);
  shutdown.onStop('metrics', () =>
    served.then(
      (server) => server.close(0),
      // Told below.
      () => undefined,
    ),
  );
  served.catch((error: unknown) => {
    logger.fatal({ err: error }, 'metrics cannot be served');
    void shutdown.stop('metrics cannot be served', 1);
  });
  // Hooks registered first run last: those of all that makes spans run before this one.
  const tracing = startTracing({ service, instance, config, logger, metrics, shutdown });

  function repeat(job: Pick<JobOptions, 'name' | 'everyMs' | 'restMs' | 'run'>): Pick<Job, 'trigger'> {
    const started = startJob({ ...job, logger, metrics });
    shutdown.onStop(`job ${job.name}`, () => started.stop());
    return started;
  }
  const heapRest = processHeapRest();
  if (heapRest) repeat({ name: 'heap-rest', everyMs: HEAP_REST_EVERY_MS, run: async () => void heapRest() });

  return {
    service,
    config,
    logger,
    metrics,
    health,
    shutdown,
    repeat,
    async listen(app, options = {}) {
      await tracing;
      const server = await serve(app, { ...options, host: config.HOST, port: config.PORT });
      shutdown.onStop('http', () => server.close());
      logger.info({ url: server.url }, 'listening');
    },
  };
}

/** What runs here: labels of `build_info`. */
function readBuild() {
  const { BUILD_REVISION } = process.env;
  return { revision: BUILD_REVISION || 'unknown', node_version: process.versions.node } as const;
}

/**
 * Opens the pool of the service's own schema, with DATABASE_POOL connections at most. The shutdown closes it after
 * everything registered later. Its clock is the service's; an instance whose clock cannot be compared with the
 * database's is not ready.
 */
export function openDatabase({
  config,
  logger,
  metrics,
  health,
  shutdown,
  repeat,
}: Runtime<DatabaseConfig>): PooledDatabase {
  const database = createDatabase({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL,
    security: databaseSecurity(config),
    applicationName: config.INSTANCE_ID,
    logger,
    metrics,
  });
  const { clock } = database;
  shutdown.onStop('database', () => database.close());
  health.addCheck('database', () => expectWritable(database));
  health.tellTime(() => (clock.isCompared ? clock.now() : undefined));
  health.addCheck('clock', async () => {
    await clock.compared();
    clock.check();
  });
  repeat({ name: 'compare-clocks', everyMs: COMPARE_EVERY_MS, run: () => clock.compare() }).trigger();
  return database;
}

/** Rejects when the database does not answer, or takes no writes (a replica after a failover). */
async function expectWritable(database: PooledDatabase): Promise<void> {
  const [row] = await database.query<{ readOnly: number }>(
    'SELECT @@GLOBAL.read_only OR @@GLOBAL.innodb_read_only AS readOnly',
  );
  if (row?.readOnly) throw new DatabaseUnavailableError('the database is read-only: nothing can be written');
}
