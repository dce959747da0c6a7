import type { Metrics } from './metrics.ts';
import { SIZE_BUCKETS } from './metrics.ts';
import { OutageError } from './outage.ts';
import { createPace } from './pace.ts';
import { DomainError } from './problem.ts';
import { isOutage } from './sql-error.ts';

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
  readonly metrics?: Metrics;
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
  /** Resolves or rejects with this item's own result. */
  submit(item: I): Promise<O>;
  /** Items waiting for a run. */
  readonly waiting: number;
  /** Refuses new items and resolves once all that were taken have their result. */
  stop(): Promise<void>;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (value: O) => void;
  readonly reject: (error: unknown) => void;
}

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
  const { nextTurn = setImmediate } = options;
  const sizes = metrics?.histogram('batch_size', 'Items in one run of a batcher', ['batcher'], SIZE_BUCKETS);
  const seconds = metrics?.histogram('batch_duration_seconds', 'Time of one run of a batcher', ['batcher']);
  const splits = metrics?.counter('batch_splits_total', 'Runs that failed and were done again item by item', [
    'batcher',
  ]);
  let queue: Waiting<I, O>[] = [];
  let running = 0;
  let scheduled = false;
  const pace = createPace(paceMs);
  let stopping = false;
  let idle: (() => void) | undefined;

  /** On the next turn, so that requests which arrived in the same turn of the event loop go together. */
  function schedule(): void {
    if (scheduled || running >= concurrency || queue.length === 0) return;
    scheduled = true;
    const early = queue.length < maxSize ? pace.wait(performance.now()) : 0;
    if (early > 0) setTimeout(startAll, early);
    else nextTurn(startAll);
  }

  function startAll(): void {
    scheduled = false;
    pace.started(performance.now());
    pace.had(queue.length);
    while (running < concurrency && queue.length > 0) start();
  }

  function start(): void {
    const batch = queue.slice(0, maxSize);
    queue = queue.slice(maxSize);
    running++;
    sizes?.observe({ batcher: name }, batch.length);
    const stopTimer = seconds?.startTimer({ batcher: name });
    void settle(batch).finally(() => {
      stopTimer?.();
      running--;
      if (queue.length > 0) schedule();
      else if (running === 0) idle?.();
    });
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
    submit(item) {
      if (stopping) return Promise.reject(new DomainError('SERVICE_UNAVAILABLE', 'The service is stopping.'));
      if (queue.length >= maxQueue) {
        return Promise.reject(new DomainError('SERVICE_UNAVAILABLE', 'Too many requests are waiting.'));
      }
      return new Promise<O>((resolve, reject) => {
        queue.push({ item, resolve, reject });
        schedule();
      });
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
