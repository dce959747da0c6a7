import type { RecordBatch } from '../broker.ts';
import { StaleBatchError } from '../errors.ts';
import { isFinished, type PendingBatch, partitionName } from './pending.ts';

/** The batches a consumer holds, in order of arrival. Each batch leaves the queue once: settled or given back. */
export interface BatchQueue {
  /**
   * @returns settles when the batch leaves. Resolved: its offsets may be committed. Rejected: it is delivered again.
   */
  take(batch: RecordBatch): Promise<void>;
  /** A copy of the queue: it does not change while batches leave. */
  waiting(): readonly PendingBatch[];
  /** Resolves all batches that are applied to the end. */
  settle(): void;
  /** Gives back the batches whose partition is lost; all batches when the consumer stops. */
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
