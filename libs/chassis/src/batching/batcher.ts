import { DomainError, isOutage, OutageError } from '../errors/index.ts';
import type { Client } from '../http/index.ts';
import { createPace, type Metrics, SIZE_BUCKETS } from '../process/index.ts';

/**
 * A queue that was not empty for so long, ms, is late: what waits in it is more than a burst (Maurer, "Fail at Scale").
 */
const LATE_AFTER_MS = 100;
/** Share of the newest run in the measured time of a run. */
const NEWEST = 0.3;

/** What became of one item of a batch. */
export type ItemResult<O> = { readonly ok: true; readonly value: O } | { readonly ok: false; readonly error: unknown };

export interface BatcherOptions<I, O> {
  /** Label of its measures, e.g. `place-order`. */
  readonly name?: string;
  /** Most items in one run; default 200. */
  readonly maxSize?: number;
  /** Runs at the same time; default 1. */
  readonly concurrency?: number;
  /** Under load a run waits so long at most to fill, ms; default 0: never. See `createPace`. */
  readonly paceMs?: number;
  /** Items that may wait; over it `submit` rejects with SERVICE_UNAVAILABLE. Default 10,000. */
  readonly maxQueue?: number;
  /**
   * Longest wait for a run, ms; default: no limit. `submit` rejects with SERVICE_UNAVAILABLE at once where the runs in
   * front will take longer, and an item that has waited for so long all the same is refused before any work is done for
   * it.
   */
  readonly maxWaitMs?: number;
  /**
   * The order once the queue is late and longer than a run: `newest`, since the client of the oldest has most
   * likely gone, or `oldest`, where first come first served was promised. Default `newest`. A run keeps the order of
   * arrival either way.
   */
  readonly whenLate?: 'newest' | 'oldest';
  readonly metrics?: Metrics;
  /** ms on a clock that runs forward; default performance.now. */
  readonly now?: () => number;
  /** 0 … 1, spreads Retry-After; default Math.random. */
  readonly random?: () => number;
  /** Calls `start` on the next turn; default setImmediate. For a simulation, which has turns of its own. */
  readonly nextTurn?: (start: () => void) => void;
  /**
   * Does the work of all items, usually in one transaction, and returns a result for each, in their order. When it
   * throws, nothing of the batch may have happened: an outage fails every item; any other error makes it run again with
   * each item alone, so that only the guilty one fails.
   */
  readonly run: (items: readonly I[]) => Promise<readonly ItemResult<O>[]>;
}

export interface Batcher<I, O> {
  /**
   * Resolves or rejects with this item's own result. An item whose `client` has gone or has no time left is dropped
   * before its run: it rejects with SERVICE_UNAVAILABLE.
   */
  submit(item: I, client?: Client): Promise<O>;
  /** The error that `submit` would reject with right now; undefined when it would take the item. */
  refusal(client?: Client): DomainError | undefined;
  /** Items waiting for a run. */
  readonly waiting: number;
  /** Refuses new items and resolves once all that were taken have their result. */
  stop(): Promise<void>;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly client: Client | undefined;
  readonly since: number;
  readonly resolve: (value: O) => void;
  readonly reject: (error: unknown) => void;
}

type Reason = 'stopping' | 'full' | 'busy' | 'late' | 'gone';
const WORDS: Readonly<Record<Reason, string>> = {
  stopping: 'The service is stopping.',
  full: 'Too many requests are waiting.',
  busy: 'Too many requests are waiting.',
  late: 'The request waited for too long; nothing was done.',
  gone: 'The time for the answer was over; nothing was done.',
};

/** For a result: the value. */
export const succeeded = <O>(value: O): ItemResult<O> => ({ ok: true, value });
/** For a result: this item's own error. */
export const failed = (error: unknown): ItemResult<never> => ({ ok: false, error });

/**
 * Group commit: what arrives while a run is at work goes together into the next. One item alone waits for nothing; a
 * thousand share a few commits.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { name = 'batch', maxSize = 200, concurrency = 1, maxQueue = 10_000, paceMs = 0, metrics, run } = options;
  const { maxWaitMs = Number.POSITIVE_INFINITY, whenLate = 'newest' } = options;
  const { nextTurn = setImmediate, now = () => performance.now(), random = Math.random } = options;
  const sizes = metrics?.histogram('batch_size', 'Items in one run of a batcher', ['batcher'], SIZE_BUCKETS);
  const seconds = metrics?.histogram('batch_duration_seconds', 'Time of one run of a batcher', ['batcher']);
  const splits = metrics?.counter('batch_splits_total', 'Runs that failed and were done again item by item', [
    'batcher',
  ]);
  const refusals = metrics?.counter(
    'batch_refused_total',
    'Items refused before any work: full or busy at once, late after waiting, gone with their client',
    ['batcher', 'reason'],
  );
  /** In the order of arrival: the first is the oldest. */
  let queue: Waiting<I, O>[] = [];
  let running = 0;
  let scheduled = false;
  const pace = createPace(paceMs);
  let stopping = false;
  let idle: (() => void) | undefined;
  let emptyAt = now();
  /** Of a run, measured. */
  let runMs = 0;
  let lastBegunAt = 0;
  let expiry: NodeJS.Timeout | undefined;

  /** On the next turn, so that requests which arrived in the same turn of the event loop go together. */
  function schedule(): void {
    if (scheduled || running >= concurrency || queue.length === 0) return;
    scheduled = true;
    const early = queue.length < maxSize ? pace.wait(now()) : 0;
    if (early > 0) setTimeout(startAll, early);
    else nextTurn(startAll);
  }

  function startAll(): void {
    scheduled = false;
    pace.started(now());
    pace.had(queue.length);
    dropLate();
    while (running < concurrency && queue.length > 0) start();
    settled();
  }

  function start(): void {
    const batch = take();
    if (batch.length === 0) return;
    const begunAt = now();
    lastBegunAt = begunAt;
    running++;
    sizes?.observe({ batcher: name }, batch.length);
    const stopTimer = seconds?.startTimer({ batcher: name });
    void settle(batch).finally(() => {
      stopTimer?.();
      runMs += (now() - begunAt - runMs) * (runMs === 0 ? 1 : NEWEST);
      running--;
      if (queue.length > 0) schedule();
      else settled();
    });
  }

  /** The next run's items that somebody still waits for. */
  function take(): Waiting<I, O>[] {
    const fromEnd = queue.length > maxSize && whenLate === 'newest' && now() - emptyAt > LATE_AFTER_MS;
    const batch = fromEnd ? queue.slice(-maxSize) : queue.slice(0, maxSize);
    queue = fromEnd ? queue.slice(0, -maxSize) : queue.slice(maxSize);
    if (queue.length === 0) emptyAt = now();
    return batch.filter((waiting) => {
      if (!isLost(waiting.client)) return true;
      refuse(waiting, 'gone');
      return false;
    });
  }

  function isLost(client: Client | undefined): boolean {
    return client !== undefined && (client.gone || client.timeLeftMs <= 0);
  }

  function refuse(waiting: Waiting<I, O>, reason: Reason): void {
    waiting.reject(refused(reason));
  }

  function refused(reason: Reason): DomainError {
    refusals?.inc({ batcher: name, reason });
    return new DomainError('SERVICE_UNAVAILABLE', WORDS[reason], { retryAfterSeconds: 1 + Math.floor(random() * 3) });
  }

  /** Refuses those that have waited for too long. They are at the front, whoever goes first. */
  function dropLate(): void {
    const late = now() - maxWaitMs;
    let count = 0;
    for (const waiting of queue) {
      if (waiting.since > late) break;
      refuse(waiting, 'late');
      count++;
    }
    if (count === 0) return;
    queue = queue.slice(count);
    if (queue.length === 0) emptyAt = now();
  }

  /** While a run takes long, nothing else looks at those that wait. */
  function watchOldest(): void {
    const [oldest] = queue;
    if (expiry || !oldest || maxWaitMs === Number.POSITIVE_INFINITY) return;
    expiry = setTimeout(
      () => {
        expiry = undefined;
        dropLate();
        watchOldest();
        settled();
      },
      Math.max(1, oldest.since + maxWaitMs - now()),
    );
  }

  function settled(): void {
    if (queue.length > 0 || running > 0) return;
    clearTimeout(expiry);
    expiry = undefined;
    idle?.();
  }

  /**
   * How long an item that came now would wait for its run, ms: the runs in front of it, at the time they took of late.
   */
  function expectedWait(): number {
    const runsInFront = Math.floor(queue.length / maxSize) + (running >= concurrency ? 1 : 0);
    return (runsInFront / concurrency) * runMs;
  }

  /** Every run hangs, the one that began last for twice the longest wait: what came behind it would hang, too. */
  function isStuck(): boolean {
    return running >= concurrency && now() - lastBegunAt > 2 * maxWaitMs;
  }

  function whyRefused(client: Client | undefined): Reason | undefined {
    if (stopping) return 'stopping';
    if (queue.length >= maxQueue) return 'full';
    // An empty queue takes whatever comes: its run is what measures how long runs take now.
    const patience = Math.min(maxWaitMs, client?.timeLeftMs ?? maxWaitMs);
    if (isStuck() || (queue.length > 0 && expectedWait() > patience)) return 'busy';
    return isLost(client) ? 'gone' : undefined;
  }

  /** Never rejects: every item gets a result or an error. @returns the outage it met, which all its items got */
  async function settle(batch: readonly Waiting<I, O>[]): Promise<{ readonly error: unknown } | undefined> {
    try {
      const results = await run(batch.map((waiting) => waiting.item));
      for (const [index, waiting] of batch.entries()) {
        const result = results[index];
        if (!result) waiting.reject(new Error(`batcher ${name}: the run gave no result for item ${index}`));
        else if (result.ok) waiting.resolve(result.value);
        else waiting.reject(result.error);
      }
    } catch (error) {
      const outage = isOutage(error) || error instanceof OutageError;
      if (batch.length === 1 || outage) {
        for (const waiting of batch) waiting.reject(error);
        return outage ? { error } : undefined;
      }
      splits?.inc({ batcher: name });
      // What is away for one is away for those behind it: they do not wait for it one after the other.
      let met: { readonly error: unknown } | undefined;
      for (const waiting of batch) {
        if (met) waiting.reject(met.error);
        else met = await settle([waiting]);
      }
      return met;
    }
    return undefined;
  }

  return {
    submit(item, client) {
      const reason = whyRefused(client);
      if (reason) return Promise.reject(refused(reason));
      return new Promise<O>((resolve, reject) => {
        const since = now();
        if (queue.length === 0) emptyAt = since;
        queue.push({ item, client, since, resolve, reject });
        schedule();
        watchOldest();
      });
    },
    refusal(client) {
      const reason = whyRefused(client);
      return reason && refused(reason);
    },
    get waiting() {
      return queue.length;
    },
    async stop() {
      stopping = true;
      if (queue.length === 0 && running === 0) return;
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    },
  };
}
