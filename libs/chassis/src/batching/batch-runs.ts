import { isOutage, OutageError } from '../errors/index.ts';
import { inBatchSpan, type Metrics, SIZE_BUCKETS } from '../process/index.ts';
import type { Waiting } from './waiting-queue.ts';

/** Share of the newest run in the measured time of a run. */
const NEWEST = 0.3;

/** The outcome of one item of a batch. */
export type ItemResult<O> = { readonly ok: true; readonly value: O } | { readonly ok: false; readonly error: unknown };

/** For a result: the value. */
export const succeeded = <O>(value: O): ItemResult<O> => ({ ok: true, value });
/** For a result: this item's own error. */
export const failed = (error: unknown): ItemResult<never> => ({ ok: false, error });

/** The current runs, and the recent length of a run. */
export interface BatchRuns {
  readonly running: number;
  /** True when no further run may begin. */
  readonly full: boolean;
  /** Called when a run of `items` items begins. @returns a function for its end, which tells how long it took, ms */
  begin(items: number): () => number;
  /** Called when a run has failed and is repeated item by item. */
  split(): void;
  /**
   * How long an item behind `queued` others would wait for its run, ms: the runs ahead of it, at their recent length.
   */
  expectedWait(queued: number): number;
  /**
   * True when every run hangs and the last one began more than twice the longest wait ago: a new item would hang too.
   */
  readonly stuck: boolean;
}

interface Options {
  readonly name: string;
  readonly maxSize: number;
  readonly concurrency: number;
  readonly maxWaitMs: number;
  readonly metrics: Metrics | undefined;
  readonly now: () => number;
}

export function createBatchRuns({ name, maxSize, concurrency, maxWaitMs, metrics, now }: Options): BatchRuns {
  const sizes = metrics?.histogram('batch_size', 'Items in one run of a batcher', ['batcher'], SIZE_BUCKETS);
  const seconds = metrics?.histogram('batch_duration_seconds', 'Time of one run of a batcher', ['batcher']);
  const splits = metrics?.counter('batch_splits_total', 'Runs that failed and were done again item by item', [
    'batcher',
  ]);
  let running = 0;
  /** Measured time of a run, ms. */
  let runMs = 0;
  let lastBegunAt = 0;

  return {
    get running() {
      return running;
    },
    get full() {
      return running >= concurrency;
    },
    begin(items) {
      const begunAt = now();
      lastBegunAt = begunAt;
      running++;
      sizes?.observe({ batcher: name }, items);
      const stopTimer = seconds?.startTimer({ batcher: name });
      return () => {
        stopTimer?.();
        const took = now() - begunAt;
        runMs += (took - runMs) * (runMs === 0 ? 1 : NEWEST);
        running--;
        return took;
      };
    },
    split: () => splits?.inc({ batcher: name }),
    expectedWait(queued) {
      const runsInFront = Math.floor(queued / maxSize) + (running >= concurrency ? 1 : 0);
      return (runsInFront / concurrency) * runMs;
    },
    get stuck() {
      return running >= concurrency && now() - lastBegunAt > 2 * maxWaitMs;
    },
  };
}

interface Work<I, O> {
  readonly name: string;
  readonly run: (items: readonly I[]) => Promise<readonly ItemResult<O>[]>;
  /** Called when the run failed and is repeated item by item. */
  readonly onSplit: () => void;
}

/** Never rejects: every item gets a result or an error. @returns the outage that failed all items, if any */
export async function runBatch<I, O>(
  work: Work<I, O>,
  batch: readonly Waiting<I, O>[],
): Promise<{ readonly error: unknown } | undefined> {
  try {
    const items = batch.map((waiting) => waiting.item);
    const traces = batch.map((waiting) => waiting.trace);
    const results = await inBatchSpan(traces, spanOf(work.name, items.length), () => work.run(items));
    for (const [index, waiting] of batch.entries()) {
      const result = results[index];
      if (!result) waiting.reject(new Error(`batcher ${work.name}: the run gave no result for item ${index}`));
      else if (result.ok) waiting.resolve(result.value);
      else waiting.reject(result.error);
    }
  } catch (error) {
    const outage = isOutage(error) || error instanceof OutageError;
    if (batch.length === 1 || outage) {
      for (const waiting of batch) waiting.reject(error);
      return outage ? { error } : undefined;
    }
    work.onSplit();
    // After an outage the items behind fail at once: they do not each wait for the same missing dependency.
    let met: { readonly error: unknown } | undefined;
    for (const waiting of batch) {
      if (met) waiting.reject(met.error);
      else met = await runBatch(work, [waiting]);
    }
    return met;
  }
  return undefined;
}

function spanOf(name: string, items: number) {
  return { name: `batch ${name}`, kind: 'internal', attributes: { 'shop.batch.items': items } } as const;
}
