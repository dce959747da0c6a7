import type { Database, Transaction } from '@shop/chassis';
import { type Clock, type Pauses, pauseAfter, systemClock } from '../clock.ts';
import type { Codec } from '../codec/index.ts';
import type { Failpoint, Subscription } from '../consumer/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import { describe, OutageError, StaleBatchError } from '../errors.ts';
import { classify } from '../failure.ts';
import type { KafkaAdmin } from '../kafka/index.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import type { RelayLock } from '../relay/index.ts';
import { createRepeats } from '../repeats.ts';
import type { MessagingStore } from '../store/index.ts';
import type { Rebuild } from './rebuild.ts';
import { createReplayApplier, ReplayCancelledError } from './replay-apply.ts';
import { carryOut } from './replay-run.ts';
import {
  findReplay,
  finishReplay,
  isRunning,
  lockReplay,
  type ReplayOrder,
  readReplay,
  setRanges,
  startReplay,
} from './replay-store.ts';

/** Pauses between looks, ms: `last` is the longest an operator waits for the start of a replay. */
const PAUSES = { first: 500, last: 2_000 };

export interface ReplayerOptions {
  readonly database: Database;
  readonly store: MessagingStore<Transaction>;
  readonly codec: Pick<Codec, 'decode'>;
  /** One replayer a schema. If the lock is lost, two may run for a moment; the inbox drops the duplicates. */
  readonly lock: RelayLock;
  /** Opens a reader of the log for one replay; rejects when no broker answers. */
  readonly connect: () => Promise<KafkaAdmin>;
  /** The subscriptions of this service, read at each look. */
  readonly subscriptions: () => readonly Subscription<Transaction, EventType>[];
  /** The rebuilds of this service, read at each look. */
  readonly rebuilds?: () => readonly Rebuild[];
  readonly logger?: EventLogger;
  readonly metrics?: EventMetrics;
  readonly failpoint?: Failpoint | undefined;
  readonly clock?: Clock;
  /** Times between two looks; default 500 to 2,000 ms. */
  readonly pauses?: Pauses;
}

export interface Replayer {
  /** Finishes the current batch. Another instance, or the next start, continues after it. */
  stop(): Promise<void>;
}

/** The state of one replayer. */
interface Work extends Required<ReplayerOptions> {
  readonly now: () => Date;
  readonly stopping: AbortSignal;
  /** Number of looks in a row that found nothing. */
  inVain: number;
}

/**
 * Carries out the replays that operators ask for (rows of `replay`), the oldest first. It reads the log outside of the
 * group, so the group's offsets stay unchanged. Progress is written with each batch, so that a successor continues
 * after a crash.
 */
export function startReplayer(options: ReplayerOptions): Replayer {
  const { failpoint, rebuilds = () => [], pauses = PAUSES } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock } = options;
  const stopping = new AbortController();
  const defaults = { failpoint, rebuilds, pauses, logger, metrics, clock };
  const now = () => new Date(clock.now());
  const ended = run({ ...options, ...defaults, now, stopping: stopping.signal, inVain: 0 });
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** Looks until it stops, less often after empty looks. Never rejects. */
async function run(work: Work): Promise<void> {
  const { lock, logger, metrics, clock, pauses, stopping } = work;
  const repeats = createRepeats();
  let failed = 0;
  while (!stopping.aborted) {
    const startedAt = clock.now();
    const looked = (succeeded: boolean) => metrics.looked('replay', succeeded, (clock.now() - startedAt) / 1_000);
    try {
      await look(work);
      looked(true);
      failed = 0;
      repeats.forget('looks');
    } catch (error) {
      looked(false);
      failed += 1;
      const leftOut = repeats.due('looks');
      if (leftOut !== undefined) sayPutOff(work, error, leftOut);
    }
    await clock.sleep(pauseAfter(Math.max(work.inVain, failed), pauses), stopping);
  }
  await lock.release().catch((error: unknown) => logger.warn({ error: describe(error) }, 'releasing the replay lock'));
}

function sayPutOff({ logger }: Work, error: unknown, leftOut: number): void {
  const details = { error: describe(error), ...(leftOut > 0 && { leftOut }) };
  const away = classify(error) !== 'poison';
  if (away) logger.warn(details, 'replaying is put off: something is away');
  else logger.error(details, 'replaying is put off: the replays cannot be read');
}

async function look(work: Work): Promise<void> {
  const { database, lock, subscriptions, now } = work;
  const byGroup = new Map(subscriptions().map((subscription) => [subscription.group, subscription]));
  if (byGroup.size === 0) return;
  const order = await findReplay(database, [...byGroup.keys()]);
  work.inVain = order ? 0 : work.inVain + 1;
  const subscription = order && byGroup.get(order.group);
  if (!order || !subscription) return;
  try {
    if ((await lock.hold()) && (await startReplay(database, order.id, now()))) await replay(work, order, subscription);
  } finally {
    // The lock's connection is kept alive only during use, and even a refused lock holds a connection.
    await lock.release();
    if (order.kind === 'REBUILD') rebuildOf(work, order.group)?.letGo();
  }
}

async function replay(
  work: Work,
  order: ReplayOrder,
  subscription: Subscription<Transaction, EventType>,
): Promise<void> {
  const { database, connect, logger, now, stopping } = work;
  const { id, group } = order;
  const log = await connect();
  try {
    logger.info({ replay: id, group }, 'replay begins, or goes on');
    if (order.kind === 'REBUILD') await rebuild(work, order, log);
    else {
      // Read again under the lock: the former holder may have made progress since.
      await carry(work, await readReplay(database, id), subscription, log);
      await finishReplay(database, id, 'DONE', now());
    }
    logger.info({ replay: id, group }, 'replay is done');
  } catch (error) {
    if (error instanceof StaleBatchError && stopping.aborted) return;
    if (error instanceof ReplayCancelledError) return logger.info({ replay: id, group }, 'replay is cancelled');
    if (classify(error) !== 'poison') throw error;
    await finishReplay(database, id, 'FAILED', now(), describe(error));
    logger.error({ replay: id, group, error: describe(error) }, 'replay failed');
  } finally {
    await log.close().catch(() => {});
  }
}

/** Begins, reads and ends. After a crash all three run again, and each recognizes its finished work. */
async function rebuild(work: Work, { id, group }: ReplayOrder, log: KafkaAdmin): Promise<void> {
  const { database, codec, stopping } = work;
  const own = rebuildOf(work, group);
  if (!own) throw new Error(`what ${group} makes of its topics cannot be rebuilt`);
  const mayGoOn = async () => {
    if (stopping.aborted) throw new StaleBatchError('the service is stopping');
    await holdLock(work);
  };
  const { topics, subscription, takes, end } = await own.begin(id, { log, codec, mayGoOn });
  // Only after `begin`: from then on the live group also brings the events after the end of these ranges.
  if ((await readReplay(database, id)).ranges.length === 0) await setRanges(database, id, await log.ranges(topics));
  await carry(work, await readReplay(database, id), subscription, log, takes);
  await mayGoOn();
  await end();
}

async function carry(
  work: Work,
  order: ReplayOrder,
  subscription: Subscription<Transaction, EventType>,
  log: KafkaAdmin,
  takes?: (event: ReceivedEvent) => boolean,
): Promise<void> {
  const { database, store, codec, failpoint, logger, metrics, clock, stopping: signal } = work;
  const endedBy = () => endOf(work, order);
  const fence = (tx: Transaction) => lockReplay(tx, order.id);
  const deps = { store, subscription, failpoint, codec, clock, logger };
  const applier = createReplayApplier({ ...deps, signal, endedBy, fence });
  await carryOut({
    database,
    log,
    order,
    subscription,
    applier,
    takes,
    metrics,
    clock,
    signal,
    holdLock: () => holdLock(work),
  });
}

async function holdLock({ lock }: Work): Promise<void> {
  if (!(await lock.hold())) throw takenOver();
}

/** Why a replay that waits must end, if it must. Keeps the lock, whose connection the server ends when it is silent. */
async function endOf({ database, lock }: Work, { id }: ReplayOrder): Promise<Error | undefined> {
  if (!(await isRunning(database, id))) return new ReplayCancelledError(`replay ${id} was cancelled`);
  return (await lock.hold()) ? undefined : takenOver();
}

function takenOver(): Error {
  return new OutageError('another instance replays');
}

function rebuildOf({ rebuilds }: Work, group: string): Rebuild | undefined {
  return rebuilds().find((it) => it.group === group);
}
