import { createPace } from '@shop/service';
import { type ApplyDeps, applyMessages, type Failpoint } from './apply.ts';
import type { Broker, BrokerConsumer, RecordBatch } from './broker.ts';
import { EVENTS, type EventType } from './catalog.ts';
import type { Codec } from './codec.ts';
import { HandlerBrokenError, StaleBatchError } from './errors.ts';
import { createDeadLetterRate, isolate, MAX_DEAD_LETTERS_A_MINUTE } from './isolate.ts';
import { type EventMetrics, noMetrics } from './metrics.ts';
import {
  decodeBatch,
  isFinished,
  type PendingBatch,
  partitionName,
  type Share,
  takeShares,
  unknownSchemas,
} from './pending.ts';
import { createPersistence } from './persist.ts';
import { createReporter } from './report.ts';
import { type Clock, type Logger, silentLogger, systemClock } from './runtime.ts';
import type { MessagingStore } from './store.ts';
import type { Subscription } from './subscription.ts';

export interface ConsumerOptions<Tx, T extends EventType = EventType> {
  readonly broker: Broker;
  readonly store: MessagingStore<Tx>;
  readonly codec: Pick<Codec, 'decode'>;
  readonly subscription: Subscription<Tx, T>;
  readonly logger?: Logger;
  readonly metrics?: EventMetrics;
  readonly failpoint?: Failpoint | undefined;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Most messages in one transaction; default: the subscription's, or 1,000. */
  readonly maxBatch?: number;
  /** Under load a transaction waits so long at most to fill, ms; default: the subscription's patience, or 30. See `createPace`. */
  readonly paceMs?: number;
}

export interface Consumer {
  /** Resolves once the group has joined. */
  ready(): Promise<void>;
  status(): ConsumerStatus;
  /** Finishes the transaction at work, commits its offsets, gives back the rest, leaves the group. */
  stop(): Promise<void>;
}

export interface ConsumerStatus {
  readonly group: string;
  /** What it waits for, while something is away. */
  readonly waitingFor: string | undefined;
  /** `topic/partition` → why its handler counts as broken. */
  readonly halted: Readonly<Record<string, string>>;
}

/**
 * Consumes a group's topics. All partitions' batches that are there when a transaction begins go into it together (a
 * row that every order updates is then updated once a transaction, not once an order); each batch's offsets are
 * committed after it. A batch is dropped, never committed, once its partition is lost.
 */
export async function startConsumer<Tx, T extends EventType>(options: ConsumerOptions<Tx, T>): Promise<Consumer> {
  const { broker, store, codec, failpoint } = options;
  const { logger = silentLogger, metrics = noMetrics, clock = systemClock, random = Math.random } = options;
  // A handler gets only the types it named, so it may be used for all of them.
  const subscription = options.subscription as unknown as Subscription<Tx, EventType>;
  const { group, patienceMs } = subscription;
  const { maxBatch = subscription.maxBatch ?? 1_000, paceMs = patienceMs ?? 30 } = options;
  const interest = { handles: new Set<string>(subscription.handles), wants: subscription.wants };
  const topics = [...new Set(subscription.handles.map((type) => EVENTS[type].topic))].sort();

  const stopping = new AbortController();
  const report = createReporter({ group, logger, metrics, clock });
  const rate = createDeadLetterRate();
  const apply: ApplyDeps<Tx> = { store, subscription, failpoint, now: () => new Date(clock.now()) };
  const queue: PendingBatch[] = [];
  let running = false;
  const pace = createPace(paceMs);

  function onBatch(batch: RecordBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({ batch, resolve, reject, messages: undefined, done: 0 });
      if (running) return;
      running = true;
      // Not before the other partitions of the same fetch have arrived, which they do in this tick.
      queueMicrotask(() => void drain());
    });
  }

  async function drain(): Promise<void> {
    try {
      while (queue.length > 0) {
        pace.started(clock.now());
        const shares = await gather();
        if (shares.length > 0) await run(shares);
        await keepPace(shares);
        settle();
      }
    } catch (error) {
      // A fault of this code: give everything back, it comes again after a pause. Never a silent end.
      logger.error({ group, err: error }, 'consumer failed');
      for (const pending of [...queue]) giveBack(pending, error);
    } finally {
      running = false;
    }
  }

  /**
   * Under load what is done is given back a little later, and the next fetch begins with that: what comes meanwhile waits
   * in the broker rather than on this heap, and comes all together. Where a transaction was full, more waits already.
   */
  async function keepPace(shares: readonly Share[]): Promise<void> {
    const early = pace.wait(clock.now());
    const full = shares.reduce((sum, share) => sum + share.messages.length, 0) >= maxBatch;
    if (early > 0 && !full && queue.every(isFinished)) await clock.sleep(early, stopping.signal);
  }

  /** Drops what is stale, decodes what is new, and takes the next transaction's messages. */
  async function gather(): Promise<Share[]> {
    dropStale();
    let skipped = 0;
    for (const pending of [...queue]) {
      if (pending.messages) continue;
      const persist = persistence([pending]);
      try {
        skipped += await persist(() => decodeBatch(pending, codec, interest));
      } catch (error) {
        giveBack(pending, error);
      }
    }
    metrics.handled(group, 'skipped', skipped);
    // What is not for this group costs a fetch all the same: where there is much of that, it looks less often.
    if (skipped > 0) pace.had(skipped);
    return takeShares(queue, maxBatch, report.halted());
  }

  async function run(taken: readonly Share[]): Promise<void> {
    const shares = haltUnknown(taken);
    if (shares.length === 0) return;
    const messages = shares.flatMap((share) => share.messages);
    pace.had(messages.length);
    const persist = persistence(shares.map((share) => share.pending));
    const started = performance.now();
    try {
      report.outcome(await persist(() => applyMessages(apply, messages)));
      report.batch(messages, performance.now() - started);
      for (const share of shares) advance(share);
    } catch (error) {
      if (error instanceof StaleBatchError) return dropStale();
      logger.warn({ group, messages: messages.length, err: error }, 'a batch failed: looking for the guilty message');
      for (const share of shares) await runAlone(share);
    }
  }

  /**
   * One message of an unknown schema is rubbish; many are a registry that has lost its schemas, and then everything
   * would be dead-lettered. @returns the shares that may be applied; the others' partitions are halted.
   */
  function haltUnknown(shares: readonly Share[]): Share[] {
    let count = rate.count(clock.now());
    return shares.filter((share) => {
      const unknown = unknownSchemas(share);
      if (unknown === 0 || count + unknown <= MAX_DEAD_LETTERS_A_MINUTE) {
        count += unknown;
        return true;
      }
      const error = new HandlerBrokenError(
        `the registry does not know the schemas of ${unknown} messages; ${count} dead letters in the last minute`,
      );
      report.halt(share.pending.batch, error);
      giveBack(share.pending, error);
      return false;
    });
  }

  async function runAlone(share: Share): Promise<void> {
    const persist = persistence([share.pending]);
    const isFinal = (error: unknown) => error instanceof StaleBatchError;
    try {
      const { outcome, guilty } = await isolate({ ...apply, clock, rate, persist, isFinal }, share.messages);
      report.outcome(outcome);
      report.deadLetters(guilty);
      advance(share);
    } catch (error) {
      if (error instanceof HandlerBrokenError) report.halt(share.pending.batch, error);
      giveBack(share.pending, error);
    }
  }

  function persistence(batches: readonly PendingBatch[]) {
    const isStale = () => batches.some(({ batch }) => batch.isStale());
    const heartbeat = async () => void (await Promise.all(batches.map(({ batch }) => batch.heartbeat())));
    return createPersistence({ clock, random, isStale, heartbeat, signal: stopping.signal, waiting: report.waiting });
  }

  function advance(share: Share): void {
    const { pending, messages } = share;
    pending.done += messages.length;
    rate.add(clock.now(), unknownSchemas(share));
    report.unreadable(messages);
    report.resume(pending.batch);
  }

  function settle(): void {
    for (const pending of queue.filter(isFinished)) {
      queue.splice(queue.indexOf(pending), 1);
      pending.resolve();
    }
  }

  function dropStale(): void {
    for (const pending of [...queue]) {
      if (stopping.signal.aborted || pending.batch.isStale()) {
        giveBack(pending, new StaleBatchError(`${partitionName(pending.batch)} is no longer this consumer's`));
      }
    }
  }

  function giveBack(pending: PendingBatch, error: unknown): void {
    const index = queue.indexOf(pending);
    if (index >= 0) queue.splice(index, 1);
    pending.reject(error instanceof Error ? error : new Error(String(error)));
  }

  const consumer: BrokerConsumer = await broker.consume({
    groupId: group,
    topics,
    fromBeginning: true,
    patienceMs,
    onBatch,
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
