import type { DomainError } from '../errors/index.ts';
import type { Client } from '../http/index.ts';
import { createPace, currentTrace, isTracing, type Metrics, type Pace } from '../process/index.ts';
import { type BatchRuns, createBatchRuns, type ItemResult, runBatch } from './batch-runs.ts';
import { createRefusals, isLost, type Reason } from './refusals.ts';
import { createWaitingQueue, type WaitingQueue } from './waiting-queue.ts';

export interface BatcherOptions<I, O> {
  /** Label of its metrics, e.g. `place-order`. */
  readonly name?: string;
  /** Most items in one run; default 200. */
  readonly maxSize?: number;
  /** Most runs at the same time; default 1. */
  readonly concurrency?: number;
  /** Under load a run waits at most this long for more items, ms; default 0: never. See `createPace`. */
  readonly paceMs?: number;
  /** Most items that may wait; beyond it `submit` rejects with SERVICE_UNAVAILABLE. Default 10,000. */
  readonly maxQueue?: number;
  /**
   * Longest wait for a run, ms; default: no limit. `submit` rejects with SERVICE_UNAVAILABLE at once where the runs
   * ahead will take longer. An item that still waits for longer is refused before any work is done for it.
   */
  readonly maxWaitMs?: number;
  /**
   * The order once the queue is late and longer than a run: `newest`, since the client of the oldest item has most
   * likely gone, or `oldest`, where first come first served was promised. Default `newest`. Items within a run keep the
   * order of arrival either way.
   */
  readonly whenLate?: 'newest' | 'oldest';
  readonly metrics?: Metrics;
  /** A clock that runs forward, ms; default performance.now. */
  readonly now?: () => number;
  /** 0 … 1, spreads Retry-After; default Math.random. */
  readonly random?: () => number;
  /** Calls `start` on the next turn; default setImmediate. For a simulation, which has its own turns. */
  readonly nextTurn?: (start: () => void) => void;
  /**
   * Does the work of all items, usually in one transaction, and returns a result for each, in their order. When it
   * throws, no effect of the batch may remain: an outage fails every item; after any other error it runs again with
   * each item alone, so that only the failing item is rejected.
   */
  readonly run: (items: readonly I[]) => Promise<readonly ItemResult<O>[]>;
}

export interface Batcher<I, O> {
  /**
   * Resolves or rejects with this item's own result. An item whose `client` has gone or has no time left is dropped
   * before its run and rejects with SERVICE_UNAVAILABLE.
   */
  submit(item: I, client?: Client): Promise<O>;
  /** The error that `submit` would reject with right now; undefined when it would take the item. */
  refusal(client?: Client): DomainError | undefined;
  /** Items waiting for a run. */
  readonly waiting: number;
  /** Refuses new items and resolves once all accepted items have their result. */
  stop(): Promise<void>;
}

/** The state of one batcher. */
interface Work<I, O> {
  readonly name: string;
  readonly maxSize: number;
  readonly maxQueue: number;
  readonly maxWaitMs: number;
  readonly run: BatcherOptions<I, O>['run'];
  readonly now: () => number;
  readonly nextTurn: (start: () => void) => void;
  readonly queue: WaitingQueue<I, O>;
  readonly runs: BatchRuns;
  readonly pace: Pace;
  readonly refused: (reason: Reason) => DomainError;
  /** True when the next start is due. */
  scheduled: boolean;
  stopping: boolean;
  /** Fires when the oldest item has waited for too long. */
  expiry: NodeJS.Timeout | undefined;
  /** Resolves every `stop`. */
  idle: PromiseWithResolvers<void> | undefined;
}

/**
 * Group commit: items that arrive during a run go together into the next. A single item does not wait; a thousand share
 * a few commits.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const work = prepare(options);
  const { queue, runs, now } = work;
  return {
    submit(item, client) {
      const reason = whyRefused(work, client);
      if (reason) return Promise.reject(work.refused(reason));
      return new Promise<O>((resolve, reject) => {
        const trace = isTracing() ? currentTrace() : undefined;
        queue.add({ item, client, trace, since: now(), resolve, reject });
        schedule(work);
        watchOldest(work);
      });
    },
    refusal(client) {
      const reason = whyRefused(work, client);
      return reason && work.refused(reason);
    },
    get waiting() {
      return queue.length;
    },
    async stop() {
      work.stopping = true;
      if (queue.length === 0 && runs.running === 0) return;
      work.idle ??= Promise.withResolvers();
      await work.idle.promise;
    },
  };
}

function prepare<I, O>(options: BatcherOptions<I, O>): Work<I, O> {
  const { name = 'batch', maxSize = 200, concurrency = 1, maxQueue = 10_000, paceMs = 0, metrics, run } = options;
  const { maxWaitMs = Number.POSITIVE_INFINITY, whenLate = 'newest' } = options;
  const { nextTurn = setImmediate, now = () => performance.now(), random = Math.random } = options;
  return {
    name,
    maxSize,
    maxQueue,
    maxWaitMs,
    run,
    now,
    nextTurn,
    queue: createWaitingQueue({ maxSize, maxWaitMs, whenLate, now }),
    runs: createBatchRuns({ name, metrics, maxSize, concurrency, maxWaitMs, now }),
    pace: createPace(paceMs),
    refused: createRefusals({ name, metrics, random }),
    scheduled: false,
    stopping: false,
    expiry: undefined,
    idle: undefined,
  };
}

/** Starts a run on the next turn, so that requests of the same turn of the event loop go together. */
function schedule<I, O>(work: Work<I, O>): void {
  const { queue, runs, pace, maxSize, now, nextTurn } = work;
  if (work.scheduled || runs.full || queue.length === 0) return;
  work.scheduled = true;
  const early = queue.length < maxSize ? pace.wait(now()) : 0;
  if (early > 0) setTimeout(() => startAll(work), early);
  else nextTurn(() => startAll(work));
}

function startAll<I, O>(work: Work<I, O>): void {
  const { queue, runs, pace, now } = work;
  work.scheduled = false;
  pace.started(now());
  pace.had(queue.length);
  dropLate(work);
  while (!runs.full && queue.length > 0) start(work);
  settled(work);
}

/** Starts a run of the next items whose clients still wait. */
function start<I, O>(work: Work<I, O>): void {
  const { name, run, queue, runs, pace } = work;
  const batch = queue.takeBatch().filter((waiting) => {
    if (!isLost(waiting.client)) return true;
    waiting.reject(work.refused('gone'));
    return false;
  });
  if (batch.length === 0) return;
  const end = runs.begin(batch.length);
  void runBatch({ name, run, onSplit: runs.split }, batch).finally(() => {
    pace.took(end());
    if (queue.length > 0) schedule(work);
    else settled(work);
  });
}

function dropLate<I, O>(work: Work<I, O>): void {
  for (const waiting of work.queue.takeLate()) waiting.reject(work.refused('late'));
}

/** Refuses late items by a timer: during a long run nothing else checks the waiting items. */
function watchOldest<I, O>(work: Work<I, O>): void {
  const { queue, maxWaitMs, now } = work;
  const oldest = queue.oldest();
  if (work.expiry || !oldest || maxWaitMs === Number.POSITIVE_INFINITY) return;
  work.expiry = setTimeout(
    () => {
      work.expiry = undefined;
      dropLate(work);
      watchOldest(work);
      settled(work);
    },
    Math.max(1, oldest.since + maxWaitMs - now()),
  );
}

function settled<I, O>(work: Work<I, O>): void {
  if (work.queue.length > 0 || work.runs.running > 0) return;
  clearTimeout(work.expiry);
  work.expiry = undefined;
  work.idle?.resolve();
}

function whyRefused<I, O>(work: Work<I, O>, client: Client | undefined): Reason | undefined {
  const { stopping, queue, runs, maxQueue, maxWaitMs } = work;
  if (stopping) return 'stopping';
  if (queue.length >= maxQueue) return 'full';
  // An item that finds the queue empty is always accepted: by its run the time of runs is measured anew.
  const patience = Math.min(maxWaitMs, client?.timeLeftMs ?? maxWaitMs);
  if (runs.stuck || (queue.length > 0 && runs.expectedWait(queue.length) > patience)) return 'busy';
  return isLost(client) ? 'gone' : undefined;
}
