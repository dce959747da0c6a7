import type { EachBatchPayload } from 'kafkajs';
import { HEARTBEAT_MS } from './settings.ts';

/** The batches of a session being applied. */
export interface BatchesAtWork {
  begin(payload: EachBatchPayload): void;
  end(payload: EachBatchPayload): void;
  none(): boolean;
  /** Resolves once no batch is being applied. */
  idle(): Promise<void>;
  /** Commits the offsets resolved so far. @returns false when there was no batch to do it by */
  commit(): Promise<boolean>;
  stop(): void;
}

/**
 * KafkaJS sends no heartbeat during a long transaction, so `beat` is called for a current batch every `HEARTBEAT_MS`.
 * One timer serves bursts of short transactions.
 */
export function createBatchesAtWork(beat: (payload: EachBatchPayload) => void): BatchesAtWork {
  const atWork = new Set<EachBatchPayload>();
  let latest: EachBatchPayload | undefined;
  let waiter: PromiseWithResolvers<void> | undefined;
  let pulse: NodeJS.Timeout | undefined;

  function onPulse(): void {
    const [payload] = atWork;
    pulse = payload && setTimeout(onPulse, HEARTBEAT_MS);
    if (payload) beat(payload);
  }

  return {
    begin(payload) {
      atWork.add(payload);
      pulse ??= setTimeout(onPulse, HEARTBEAT_MS);
      latest = payload;
    },
    end(payload) {
      atWork.delete(payload);
      if (atWork.size > 0) return;
      waiter?.resolve();
      waiter = undefined;
    },
    none: () => atWork.size === 0,
    async idle() {
      if (atWork.size === 0) return;
      waiter ??= Promise.withResolvers();
      await waiter.promise;
    },
    async commit() {
      if (!latest) return false;
      const offsets = latest.uncommittedOffsets();
      if (offsets.topics.length > 0) await latest.commitOffsetsIfNecessary(offsets);
      return true;
    },
    stop: () => clearTimeout(pulse),
  };
}
