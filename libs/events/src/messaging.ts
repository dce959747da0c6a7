import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  createRedis,
  createWakeHints,
  currentTraceparent,
  type Database,
  type Health,
  type Logger,
  type Metrics,
  type Shutdown,
  startJob,
  type Transaction,
} from '@shop/service';
import type { Broker } from './broker.ts';
import { allTopics, type EventType, PARTITIONS } from './catalog.ts';
import { type Codec, createCodec } from './codec.ts';
import { type Consumer, type ConsumerStatus, startConsumer } from './consumer.ts';
import { describe } from './errors.ts';
import { failpointFromEnvironment } from './failpoints.ts';
import { createKafkaAdmin } from './kafka/admin.ts';
import { createKafkaBroker } from './kafka/broker.ts';
import { createEventMetrics, noMetrics } from './metrics.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { purgeInbox } from './purge.ts';
import type { Rebuild } from './rebuild.ts';
import { startRedriver } from './redriver.ts';
import { POLL_MS, startRelay } from './relay.ts';
import { createSqlRelayLock } from './relay-lock.ts';
import { startReplayer } from './replayer.ts';
import { pauseAfter } from './runtime.ts';
import { createSqlMessagingStore, type SqlMessagingStore } from './sql-store.ts';
import type { NumberedRow } from './store.ts';
import type { Subscription } from './subscription.ts';
import { startWaiters, type Waiters } from './waiters.ts';

/**
 * How often the relay looks at the outbox by itself where hints of other processes arrive: for a hint that was lost, as
 * when a process dies between its commit and its hint. An event is late by `last` ms at most then.
 */
const POLL_WITH_HINTS = { first: 200, last: 1_000 };

export interface MessagingOptions {
  /** The service's name: `ce_source`, client id, and the group of its waiters. */
  readonly service: string;
  readonly config: {
    readonly KAFKA_BROKERS: readonly string[];
    readonly SCHEMA_REGISTRY_URL: string;
    readonly REDIS_URL: string;
    readonly INSTANCE_ID: string;
  };
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /**
   * Stops everything in order: consumers, relay, broker. Without it the caller stops by `stop()`. A schema or topic that
   * is not as it must be ends the process with 1: once that is mended, a new start finds it so.
   */
  readonly shutdown?: Pick<Shutdown, 'onStop' | 'stop'>;
  /** Gets the readiness check `messaging`. */
  readonly health?: Pick<Health, 'addCheck'>;
}

/** All of messaging for one process of a service. */
export interface Messaging {
  readonly outbox: Outbox<Transaction>;
  readonly codec: Codec;
  readonly broker: Broker;
  readonly store: SqlMessagingStore;
  /** Starts a consumer as soon as broker and registry are there. */
  subscribe<T extends EventType>(subscription: Subscription<Transaction, T>): void;
  /** Lets operators ask for a rebuild of what a group has made of its topics. */
  rebuilds(rebuild: Rebuild): void;
  /** Starts reading `topics` from the end, only to wake those who wait for a key. */
  waiters(topics: readonly string[]): Waiters;
  /** Resolves once schemas and topics are there and every consumer and waiter has joined. */
  ready(): Promise<void>;
  /** Each consumer: what it waits for, and partitions whose handler is broken. */
  status(): readonly ConsumerStatus[];
  /** Consumers finish the batch at work, the relay stops, the broker closes. */
  stop(): Promise<void>;
}

/** Wires outbox, relay, consumers, redriver, replayer and purge for a service, and begins to connect at once. */
export function createMessaging(options: MessagingOptions): Messaging {
  const { service, config, database, logger, shutdown, health } = options;
  const metrics = options.metrics ? createEventMetrics(options.metrics) : noMetrics;
  const failpoint = failpointFromEnvironment();
  const store = createSqlMessagingStore(database);
  const codec = createCodec({ registryUrl: config.SCHEMA_REGISTRY_URL, logger });
  const clientId = `${service}-${config.INSTANCE_ID}`;
  const broker = createKafkaBroker({ brokers: config.KAFKA_BROKERS, clientId, logger, metrics });
  // Another process may be the one that relays: it learns of commits here by a hint, or at its next poll.
  const redis = createRedis(config.REDIS_URL, logger);
  const hints = createWakeHints({ redis, channel: `outbox:${database.schema}` });
  const pollMs = (inVain: number) => (hints.listening ? pauseAfter(inVain, POLL_WITH_HINTS) : POLL_MS);
  const relay = startRelay({ store, broker, lock: createSqlRelayLock(database), pollMs, logger, metrics });
  hints.onWake(() => relay.wake());
  const wake = (rows?: readonly NumberedRow[]) => (relay.holding ? relay.wake(rows) : hints.publish());
  const outbox = createOutbox({ store, codec, source: service, wake, traceparent: currentTraceparent });

  let stopping: Promise<void> | undefined;
  const prepared = Promise.all([codec.ready(), broker.ensureTopics(allTopics(), PARTITIONS)]);
  prepared.catch((error: unknown) => {
    if (stopping) return;
    logger.error({ error: describe(error) }, 'messaging cannot start: a schema or topic is not as it must be');
    void shutdown?.stop('messaging cannot start', 1);
  });

  const subscriptions: Subscription<Transaction, EventType>[] = [];
  const rebuilds: Rebuild[] = [];
  const consumers: Consumer[] = [];
  const joined: Promise<void>[] = [];
  join(prepared.then(() => {}));
  const redriver = startRedriver({
    database,
    store,
    codec,
    logger,
    metrics,
    failpoint,
    subscriptions: () => subscriptions,
  });
  const replayer = startReplayer({
    database,
    store,
    codec,
    logger,
    metrics,
    failpoint,
    lock: createSqlRelayLock(database, `replay:${database.schema}`),
    connect: () => createKafkaAdmin({ brokers: config.KAFKA_BROKERS, clientId: `${clientId}-replay`, logger }),
    subscriptions: () => subscriptions,
    rebuilds: () => rebuilds,
  });
  const jobs = [
    startJob({
      name: 'purge-inbox',
      everyMs: 3_600_000,
      logger,
      run: (signal) => purgeInbox(database, Date.now(), signal),
    }),
    startJob({ name: 'measure-outbox', everyMs: 2_000, logger, run: measureOutbox }),
  ];

  async function measureOutbox(): Promise<void> {
    if (!relay.holding) return;
    if (relay.drained) return metrics.outbox(0, 0);
    const { rows, oldest } = await store.outboxBacklog();
    metrics.outbox(rows, oldest ? Math.max(0, Date.now() - oldest.getTime()) / 1_000 : 0);
  }

  /** Adds something that must have joined before this process is ready. */
  function join(work: Promise<void>): void {
    work.catch(() => {}); // Reported by ready().
    joined.push(work);
  }

  async function stopAll(): Promise<void> {
    await Promise.all([
      redriver.stop(),
      replayer.stop(),
      ...jobs.map((job) => job.stop()),
      ...consumers.map((consumer) => consumer.stop()),
    ]);
    await relay.stop();
    await hints.close();
    redis.disconnect();
    await broker.close(); // With the waiters, and with consumers that were only starting.
  }

  const messaging: Messaging = {
    outbox,
    codec,
    broker,
    store,

    subscribe(subscription) {
      // A handler only ever gets the types that it named.
      subscriptions.push(subscription as unknown as Subscription<Transaction, EventType>);
      const start = async () => {
        if (stopping) return;
        const consumer = await startConsumer({ broker, store, codec, subscription, logger, metrics, failpoint });
        consumers.push(consumer);
        await consumer.ready();
      };
      join(prepared.then(start));
    },

    rebuilds: (rebuild) => void rebuilds.push(rebuild),

    waiters(topics) {
      const groupId = `${service}-waiters-${config.INSTANCE_ID}-${randomUUID()}`;
      const consume: Broker['consume'] = (wanted) => prepared.then(() => broker.consume(wanted));
      const waiters = startWaiters({ broker: { consume }, groupId, topics });
      join(waiters.ready());
      return waiters;
    },

    ready: async () => void (await Promise.all(joined)),
    status: () => consumers.map((consumer) => consumer.status()),

    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };

  shutdown?.onStop('messaging', () => messaging.stop());
  health?.addCheck('messaging', async () => {
    const ready = messaging.ready().then(() => true);
    const now = nextTurn().then(() => false);
    if (!(await Promise.race([ready, now]))) throw new Error('schemas, topics and groups are not all there yet');
  });
  return messaging;
}
