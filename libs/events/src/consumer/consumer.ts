import { createPace, type Pace } from '@shop/chassis';
import type { Broker, BrokerConsumer } from '../broker.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Codec, Interest } from '../codec/index.ts';
import { EVENTS, type EventType } from '../contracts/index.ts';
import { HandlerBrokenError, StaleBatchError } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { type Applied, type EventMetrics, noMetrics } from '../metrics.ts';
import type { MessagingStore, SetAsidePermit } from '../store/index.ts';
import { type ApplyDeps, applyMessages, type Failpoint, findSettled } from './apply.ts';
import { type BatchQueue, createBatchQueue } from './batch-queue.ts';
import { type ConsumerState, createConsumerState } from './consumer-state.ts';
import { haltUnknownSchemas } from './halt-unknown-schemas.ts';
import { createDeadLetterRate, type DeadLetterRate, isolate, takeFrom } from './isolate.ts';
import {
  decodeBatch,
  isFinished,
  oldestOf,
  type PendingBatch,
  partitionName,
  type Share,
  schemaFaults,
  takeShares,
  unreadable,
} from './pending.ts';
import { createPersistence } from './persist.ts';
import { type ConsumerStatus, createReporter, type Reporter } from './report.ts';
import { createSchemaFaults, type SchemaFaults } from './schema-faults.ts';
import type { Subscription } from './subscription.ts';

export interface ConsumerOptions<Tx, T extends EventType = EventType> {
  readonly broker: Broker;
  readonly store: MessagingStore<Tx>;
  readonly codec: Pick<Codec, 'decode'>;
  readonly subscription: Subscription<Tx, T>;
  readonly logger?: EventLogger;
  readonly metrics?: EventMetrics;
  readonly failpoint?: Failpoint | undefined;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Most messages in one transaction; default: the subscription's, or 1,000. */
  readonly maxBatch?: number;
  /**
   * Under load a transaction waits at most this long for more messages, ms; default: the subscription's patience, or
   * 90. See `createPace`.
   */
  readonly paceMs?: number;
}

export interface Consumer {
  /** Resolves once the group has joined. */
  ready(): Promise<void>;
  status(): ConsumerStatus;
  /** Finishes the current transaction, commits its offsets, gives back the rest, leaves the group. */
  stop(): Promise<void>;
}

/** Everything one consumer needs for its turns. */
interface Work<Tx> {
  readonly group: string;
  readonly apply: ApplyDeps<Tx>;
  readonly codec: Pick<Codec, 'decode'>;
  readonly interest: Interest;
  readonly queue: BatchQueue;
  readonly state: ConsumerState;
  readonly pace: Pace;
  /** Most messages in one transaction. */
  readonly maxBatch: number;
  readonly rate: DeadLetterRate;
  readonly faults: SchemaFaults;
  readonly report: Reporter;
  readonly metrics: EventMetrics;
  readonly logger: EventLogger;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Runs work for these batches through outages, as long as this consumer owns them. */
  persistence(batches: readonly PendingBatch[]): <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Consumes a group's topics. One transaction takes all partitions' batches that wait when it begins, so that a row
 * which every order updates is updated once a transaction, not once an order. Each batch's offsets are committed after
 * the transaction. A batch is dropped, never committed, once its partition is lost.
 */
export async function startConsumer<Tx, T extends EventType>(options: ConsumerOptions<Tx, T>): Promise<Consumer> {
  // The cast is safe: a handler gets only the types that it named.
  const subscription = options.subscription as unknown as Subscription<Tx, EventType>;
  const stopping = new AbortController();
  const work = prepare(options, subscription, stopping.signal);
  const { queue, state, report } = work;

  const consumer: BrokerConsumer = await options.broker.consume({
    groupId: subscription.group,
    topics: [...new Set(subscription.handles.map((type) => EVENTS[type].topic))].sort(),
    fromBeginning: true,
    isKnown: () => options.store.hasApplied(subscription.group),
    patienceMs: subscription.patienceMs,
    onAssigned: report.keepOnly,
    onBatch(batch) {
      const taken = queue.take(batch);
      if (state.now() === 'RESTING') {
        state.enter('WAKING');
        // A microtask later: the other partitions of the same fetch arrive in this tick.
        queueMicrotask(() => void drain(work));
      }
      return taken;
    },
  });
  return {
    ready: () => consumer.ready(),
    status: () => report.status(),
    async stop() {
      stopping.abort();
      await consumer.stop();
    },
  };
}

function prepare<Tx, T extends EventType>(
  options: ConsumerOptions<Tx, T>,
  subscription: Subscription<Tx, EventType>,
  stopping: AbortSignal,
): Work<Tx> {
  const { store, codec, failpoint } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock, random = Math.random } = options;
  const { group, handles, wants, patienceMs } = subscription;
  const report = createReporter({ group, logger, metrics, clock });
  const queue = createBatchQueue(stopping);
  report.delayOf(() => oldestOf(queue.waiting()));
  return {
    ...{ group, codec, metrics, logger, clock, stopping, report, queue },
    apply: { store, subscription, failpoint, now: () => new Date(clock.now()) },
    interest: { handles: new Set<string>(handles), wants },
    state: createConsumerState(),
    pace: createPace(options.paceMs ?? patienceMs ?? 90, { patient: patienceMs !== undefined }),
    maxBatch: options.maxBatch ?? subscription.maxBatch ?? 1_000,
    rate: createDeadLetterRate(),
    faults: createSchemaFaults(),
    persistence(batches) {
      const isStale = () => batches.some(({ batch }) => batch.isStale());
      const heartbeat = async () => void (await Promise.all(batches.map(({ batch }) => batch.heartbeat())));
      return createPersistence({ clock, random, isStale, heartbeat, signal: stopping, waiting: report.waiting });
    },
  };
}

/** Takes turns, one transaction each, until nothing waits. Never rejects. */
async function drain<Tx>(work: Work<Tx>): Promise<void> {
  const { queue, state, pace, clock, logger, group } = work;
  try {
    while (queue.waiting().length > 0) {
      const begunAt = clock.now();
      pace.started(begunAt);
      state.enter('GATHERING');
      const shares = await gather(work);
      if (shares.length > 0) {
        state.enter('APPLYING');
        await applyShares(work, shares);
        pace.took(clock.now() - begunAt);
      }
      state.enter('PACING');
      await keepPace(work, shares);
      queue.settle();
    }
  } catch (error) {
    // A fault of this code: all batches are given back and delivered again after a pause, so no partition ends
    // silently.
    logger.error({ group, err: error }, 'consumer failed');
    for (const pending of queue.waiting()) queue.giveBack(pending, error);
  } finally {
    state.rest();
  }
}

/** Drops stale batches, decodes new ones, and takes the next transaction's messages. */
async function gather<Tx>(work: Work<Tx>): Promise<Share[]> {
  const { queue, codec, interest, metrics, group, pace, report, maxBatch } = work;
  queue.dropStale();
  let skipped = 0;
  for (const pending of queue.waiting()) {
    if (pending.messages) continue;
    const persist = work.persistence([pending]);
    try {
      skipped += await persist(() => decodeBatch(pending, codec, interest));
    } catch (error) {
      queue.giveBack(pending, error);
    }
  }
  metrics.handled(group, 'skipped', skipped);
  // Skipping has a cost too, the fetch: a group that skips many messages waits longer between fetches.
  if (skipped > 0) pace.had(skipped);
  return takeShares(queue.waiting(), maxBatch, report.halted());
}

/** Applies the shares, in one transaction where nothing speaks against it. */
async function applyShares<Tx>(work: Work<Tx>, taken: readonly Share[]): Promise<void> {
  const permits = {
    findPermit: (share: Share) => findPermit(work, share),
    countNew: (share: Share) => countNew(work, share),
  };
  const shares = await haltUnknownSchemas({ ...work, ...permits }, taken);
  const joint = shares.filter((share) => !share.permit);
  if (joint.length > 0) await applyTogether(work, joint);
  for (const share of shares) if (share.permit) await applyAlone(work, share);
}

/**
 * Applies all shares in one transaction. If it fails for good, each partition is applied apart to isolate the guilty.
 */
async function applyTogether<Tx>(work: Work<Tx>, shares: readonly Share[]): Promise<void> {
  const { queue, state, pace, report, logger, group } = work;
  const messages = shares.flatMap((share) => share.messages);
  pace.had(messages.length);
  const persist = work.persistence(shares.map((share) => share.pending));
  const started = performance.now();
  try {
    report.outcome(await persist(() => applyMessages(work.apply, messages)));
    report.batch(messages, performance.now() - started);
    for (const share of shares) advance(work, share);
  } catch (error) {
    if (error instanceof StaleBatchError) return queue.dropStale();
    // A halted partition fails at each of its attempts, and its report says so once in a while.
    if (!shares.every(({ pending }) => report.halted().has(partitionName(pending.batch))))
      logger.warn({ group, messages: messages.length, err: error }, 'a batch failed: looking for the guilty message');
    state.enter('ISOLATING');
    for (const share of shares) await applyAlone(work, share);
  }
}

async function applyAlone<Tx>(work: Work<Tx>, share: Share): Promise<void> {
  const { apply, queue, report, clock, rate } = work;
  const persist = work.persistence([share.pending]);
  const isFinal = (error: unknown) => error instanceof StaleBatchError;
  try {
    const permit = share.permit ?? (await findPermit(work, share));
    const deps = { ...apply, ...(share.permit && { finish: payBy(work, share.permit) }) };
    const committed = report.outcome;
    const { guilty } = await isolate({ ...deps, clock, rate, persist, isFinal, permit, committed }, share.messages);
    report.deadLetters(guilty);
    advance(work, share);
  } catch (error) {
    if (error instanceof HandlerBrokenError) report.halt(share.pending.batch, error);
    queue.giveBack(share.pending, error);
  }
}

function findPermit<Tx>({ apply, group, persistence }: Work<Tx>, { pending }: Share) {
  return persistence([pending])(() => apply.store.findPermit(group, pending.batch, apply.now()));
}

async function countNew<Tx>({ apply, persistence }: Work<Tx>, share: Share): Promise<number> {
  const messages = unreadable(share);
  const settled = await persistence([share.pending])(() => findSettled(apply, messages));
  return messages.length - settled.size;
}

/** Takes the unreadable messages of each transaction from the permit. */
function payBy<Tx>({ apply }: Work<Tx>, permit: SetAsidePermit) {
  return (tx: Tx, { deadLettered }: Applied) => takeFrom(permit, apply, tx, deadLettered);
}

/** Notes that the share's messages are committed. */
function advance<Tx>({ rate, faults, clock, report }: Work<Tx>, share: Share): void {
  const { pending, messages, permit, comesAgain } = share;
  pending.done += messages.length;
  if (!permit && !comesAgain) {
    rate.add(clock.now(), schemaFaults(share));
    faults.note(messages);
  }
  report.unreadable(messages);
  report.resume(pending.batch);
}

/**
 * Under load, applied batches are given back a little later, and the next fetch starts only then: new messages wait in
 * the broker rather than on this heap, and arrive together. After a full transaction more messages wait already.
 */
async function keepPace<Tx>(work: Work<Tx>, shares: readonly Share[]): Promise<void> {
  const { pace, clock, queue, maxBatch, stopping } = work;
  const early = pace.wait(clock.now());
  const full = shares.reduce((sum, share) => sum + share.messages.length, 0) >= maxBatch;
  if (early > 0 && !full && queue.waiting().every(isFinished)) await clock.sleep(early, stopping);
}
