import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type ConnectionConfig,
  createRedis,
  createWakeHints,
  currentTraceparent,
  type Database,
  type Health,
  kafkaSecurity,
  type Logger,
  type Metrics,
  redisServer,
  registryAccess,
  type Shutdown,
  startJob,
  type Transaction,
} from '@shop/chassis';
import type { Broker } from './broker.ts';
import { type Clock, pauseAfter, systemClock } from './clock.ts';
import { type Codec, createCodec, createIdWatch } from './codec/index.ts';
import {
  type Consumer,
  type ConsumerStatus,
  type Failpoint,
  failpointFromEnvironment,
  type Subscription,
  startConsumer,
} from './consumer/index.ts';
import { allTopics, type EventType } from './contracts/index.ts';
import { startRedriver } from './dead-letters/index.ts';
import { describe } from './errors.ts';
import { createKafkaAdmin, createKafkaBroker } from './kafka/index.ts';
import { createEventMetrics, type EventMetrics, noMetrics } from './metrics.ts';
import { createOutbox, type Outbox } from './outbox/index.ts';
import { createSqlRelayLock, POLL_MS, sendAfter, startRelay } from './relay/index.ts';
import { type Rebuild, startReplayer } from './replay/index.ts';
import { createSqlMessagingStore, type NumberedRow, purgeInbox, type SqlMessagingStore } from './store/index.ts';
import { type TopicConfig, topicPlan } from './topic-plan.ts';
import { startWaiters, type Waiters } from './waiters/index.ts';

/**
 * Poll times of a relay that gets wake-up hints from other processes. The polls find rows whose hint was lost, e.g.
 * when a process died between commit and hint. Such an event is late by `last` ms at most.
 */
const POLL_WITH_HINTS = { first: 200, last: 1_000 };

export interface MessagingOptions {
  /** The service's name: `ce_source`, client id, and the group of its waiters. */
  readonly service: string;
  readonly config: ConnectionConfig &
    TopicConfig & {
      readonly KAFKA_BROKERS: readonly string[];
      readonly SCHEMA_REGISTRY_URL: string;
      readonly REDIS_URL: string;
      readonly INSTANCE_ID: string;
    };
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /**
   * Stops everything in order: consumers, relay, broker. Without it the caller calls `stop()`. A wrong schema or topic
   * ends the process with 1: once an operator has corrected it, a restart succeeds.
   */
  readonly shutdown?: Pick<Shutdown, 'onStop' | 'stop'>;
  /** Gets the readiness check `messaging`. */
  readonly health?: Pick<Health, 'addCheck'>;
}

/** How often a process looks whether the registry still knows the schema ids that it writes, ms. */
const CHECK_IDS_MS = 15_000;

/** All of messaging for one process of a service. */
export interface Messaging {
  readonly outbox: Outbox<Transaction>;
  readonly codec: Codec;
  readonly broker: Broker;
  readonly store: SqlMessagingStore;
  /** Starts a consumer as soon as broker and registry are there. */
  subscribe<T extends EventType>(subscription: Subscription<Transaction, T>): void;
  /** Lets operators ask for a rebuild of a group's projection. */
  rebuilds(rebuild: Rebuild): void;
  /** Starts reading `topics` from the end, only to wake callers that wait for a key. */
  waiters(topics: readonly string[]): Waiters;
  /** Resolves once schemas and topics are there and every consumer and waiter has joined. */
  ready(): Promise<void>;
  /** For each consumer: the dependency it waits for, and partitions whose handler is broken. */
  status(): readonly ConsumerStatus[];
  /** Consumers finish their current batch, the relay stops, the broker closes. */
  stop(): Promise<void>;
}

/** Wires outbox, relay, consumers, redriver, replayer and purge for a service, and begins to connect at once. */
export function createMessaging(options: MessagingOptions): Messaging {
  const { service, config, database, logger, shutdown, health } = options;
  const metrics = options.metrics ? createEventMetrics(options.metrics) : noMetrics;
  const clientId = `${service}-${config.INSTANCE_ID}`;
  const store = createSqlMessagingStore(database);
  const codec = createCodec({
    registryUrl: config.SCHEMA_REGISTRY_URL,
    registryAccess: registryAccess(config),
    logger,
  });
  const clock = { ...systemClock, now: database.clock.now };
  const broker = createKafkaBroker({
    ...{ brokers: config.KAFKA_BROKERS, security: kafkaSecurity(config) },
    ...{ clientId, logger, metrics, clock },
  });
  const parts: Parts = {
    ...{ options, store, codec, broker, metrics, clientId, clock },
    failpoint: failpointFromEnvironment(),
  };
  const topics = broker.ensureTopics(allTopics(), topicPlan(config));
  const publishing = startPublishing(parts, topics);
  const hearing = startHearing(parts, topics);

  let stopping: Promise<void> | undefined;
  hearing.prepared.catch((error: unknown) => {
    if (stopping) return;
    logger.error({ error: describe(error) }, 'messaging cannot start: a schema or topic is not as it must be');
    void shutdown?.stop('messaging cannot start', 1);
  });
  async function stopAll(): Promise<void> {
    await Promise.all([hearing.stop(), publishing.stopMeasuring()]);
    await publishing.stop();
    await broker.close(); // Ends the waiters too, and consumers that were only starting.
  }

  const messaging: Messaging = {
    ...{ outbox: publishing.outbox, codec, broker, store },
    subscribe: hearing.subscribe,
    rebuilds: hearing.rebuilds,
    waiters: hearing.waiters,
    ready: hearing.ready,
    status: hearing.status,
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

/** The parts that publishing and consuming share. */
interface Parts {
  readonly options: MessagingOptions;
  readonly store: SqlMessagingStore;
  readonly codec: Codec;
  readonly broker: Broker;
  readonly metrics: EventMetrics;
  readonly clientId: string;
  /** Waits like any other; tells the time of the database. */
  readonly clock: Clock;
  readonly failpoint: Failpoint | undefined;
}

/** Outbox and relay, and the hints between the processes of a service. */
function startPublishing({ options, store, codec, broker, metrics, clock }: Parts, topics: Promise<void>) {
  const { service, config, database, logger } = options;
  // Another process may hold the relay: it learns of commits here by a hint, or at its next poll.
  const redis = createRedis(redisServer(config), logger);
  const hints = createWakeHints({ redis, channel: `outbox:${database.schema}` });
  const pollMs = (inVain: number) => (hints.listening ? pauseAfter(inVain, POLL_WITH_HINTS) : POLL_MS);
  const relay = startRelay({
    ...{ store, lock: createSqlRelayLock(database, { marksLive: true }), pollMs, logger, metrics, clock },
    broker: sendAfter(topics, broker, clock),
  });
  hints.onWake(() => relay.wake());
  const wake = (rows?: readonly NumberedRow[]) => (relay.holding ? relay.wake(rows) : hints.publish());
  const measured = options.metrics && { metrics: options.metrics };
  const measuring = startJob({
    name: 'measure-outbox',
    everyMs: 2_000,
    logger,
    ...measured,
    async run() {
      if (!relay.holding) return;
      if (relay.drained) return metrics.outbox(0, 0);
      const { rows, oldest } = await store.outboxBacklog();
      metrics.outbox(rows, oldest ? Math.max(0, clock.now() - oldest.getTime()) / 1_000 : 0);
    },
  });
  const watching = startJob({
    name: 'check-schema-ids',
    everyMs: CHECK_IDS_MS,
    logger,
    ...measured,
    run: createIdWatch({ codec, metrics, logger }),
  });
  return {
    outbox: createOutbox({ store, codec, source: service, wake, traceparent: currentTraceparent, clock }),
    async stopMeasuring() {
      // A look at a registry that hangs is not waited for.
      void watching.stop();
      await measuring.stop();
    },
    async stop() {
      await relay.stop();
      await hints.close();
      redis.disconnect();
    },
  };
}

/** Starts consumers and waiters, redriver and replayer, and the inbox's purge. */
// One function: it is wiring, and the lists of what was started are shared by all of it.
function startHearing(
  { options, store, codec, broker, metrics, clientId, failpoint, clock }: Parts,
  topics: Promise<void>,
) {
  const { service, config, database, logger } = options;
  const prepared = Promise.all([codec.ready(), topics]).then(() => {});
  const subscriptions: Subscription<Transaction, EventType>[] = [];
  const rebuilds: Rebuild[] = [];
  const consumers: Consumer[] = [];
  const joined: Promise<void>[] = [];
  let isStopping = false;

  /** Adds a group that must have joined before this process is ready. */
  function join(work: Promise<void>): void {
    work.catch(() => {}); // Reported by ready().
    joined.push(work);
  }
  join(prepared);

  const common = {
    ...{ database, store, codec, logger, metrics, failpoint, clock },
    subscriptions: () => subscriptions,
  };
  const waysBack = [
    startRedriver(common),
    startReplayer({
      ...common,
      lock: createSqlRelayLock(database, { name: `replay:${database.schema}` }),
      connect: () =>
        createKafkaAdmin({
          ...{ brokers: config.KAFKA_BROKERS, security: kafkaSecurity(config) },
          ...{ clientId: `${clientId}-replay`, logger },
        }),
      rebuilds: () => rebuilds,
    }),
    startJob({
      name: 'purge-inbox',
      everyMs: 3_600_000,
      logger,
      ...(options.metrics && { metrics: options.metrics }),
      run: (signal) => purgeInbox(database, database.clock.date().getTime(), signal),
    }),
  ];

  return {
    /** Schemas and topics are there. */
    prepared,

    subscribe<T extends EventType>(subscription: Subscription<Transaction, T>): void {
      // The cast is safe: a handler gets only the types that it named.
      subscriptions.push(subscription as unknown as Subscription<Transaction, EventType>);
      const start = async () => {
        if (isStopping) return;
        const consumer = await startConsumer({ broker, store, codec, subscription, logger, metrics, failpoint, clock });
        consumers.push(consumer);
        await consumer.ready();
      };
      join(prepared.then(start));
    },

    rebuilds: (rebuild: Rebuild): void => void rebuilds.push(rebuild),

    waiters(topics: readonly string[]): Waiters {
      const groupId = `${service}-waiters-${config.INSTANCE_ID}-${randomUUID()}`;
      const consume: Broker['consume'] = (wanted) => prepared.then(() => broker.consume(wanted));
      const waiters = startWaiters({ broker: { consume }, groupId, topics });
      join(waiters.ready());
      return waiters;
    },

    ready: async (): Promise<void> => void (await Promise.all(joined)),
    status: () => consumers.map((consumer) => consumer.status()),

    async stop(): Promise<void> {
      isStopping = true;
      await Promise.all([...waysBack, ...consumers].map((each) => each.stop()));
    },
  };
}
