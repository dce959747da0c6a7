import type { RecordBatch } from '../broker.ts';
import { StaleBatchError } from '../errors.ts';
import { isFinished, type PendingBatch, partitionName } from './pending.ts';

/** The batches in the hands of a consumer, in order of arrival. Each leaves it once: settled or given back. */
export interface BatchQueue {
  /** @returns settles when the batch leaves: resolved, its offsets may be committed; rejected, it comes again */
  take(batch: RecordBatch): Promise<void>;
  /** A copy of the queue: it does not change while batches leave. */
  waiting(): readonly PendingBatch[];
  /** Lets go of all that are applied to the end. */
  settle(): void;
  /** Gives those back whose partition is lost; all of them when the consumer stops. */
  dropStale(): void;
  giveBack(pending: PendingBatch, error: unknown): void;
}

export function createBatchQueue(stopping: AbortSignal): BatchQueue {
  const queue: PendingBatch[] = [];

  function leave(pending: PendingBatch): void {
    const index = queue.indexOf(pending);
    if (index >= 0) queue.splice(index, 1);
  }

  function giveBack(pending: PendingBatch, error: unknown): void {
    leave(pending);
    pending.reject(error instanceof Error ? error : new Error(String(error)));
  }

  return {
    take(batch) {
      return new Promise((resolve, reject) => {
        queue.push({ batch, resolve, reject, messages: undefined, done: 0 });
      });
    },

    waiting: () => [...queue],

    settle() {
      for (const pending of queue.filter(isFinished)) {
        leave(pending);
        pending.resolve();
      }
    },

    dropStale() {
      for (const pending of [...queue]) {
        if (stopping.aborted || pending.batch.isStale())
          giveBack(pending, new StaleBatchError(`${partitionName(pending.batch)} is no longer this consumer's`));
      }
    },

    giveBack,
  };
}
