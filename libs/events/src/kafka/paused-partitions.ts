import type { EachBatchPayload } from 'kafkajs';
import { createBackoff } from '../clock.ts';
import { describe } from '../errors.ts';
import type { EventLogger } from '../log.ts';

/** Partitions whose batch was given back. Each resumes after its own pause, while the others continue. */
export interface PausedPartitions {
  pause(payload: EachBatchPayload, error: unknown): void;
  /** Resets the partition's next pause to the first one. */
  forget(partition: string): void;
  stop(): void;
}

export function createPausedPartitions(groupId: string, logger: EventLogger): PausedPartitions {
  const paused = new Map<string, { backoff: ReturnType<typeof createBackoff>; timer?: NodeJS.Timeout }>();
  return {
    pause({ batch: { topic, partition }, pause }, error) {
      const entry = paused.get(`${topic}/${partition}`) ?? { backoff: createBackoff(200, 15_000) };
      const ms = entry.backoff.next();
      logger.warn({ groupId, topic, partition, ms, error: describe(error) }, 'batch given back; it comes again');
      entry.timer = setTimeout(pause(), ms);
      paused.set(`${topic}/${partition}`, entry);
    },
    forget: (partition) => void paused.delete(partition),
    stop() {
      for (const { timer } of paused.values()) clearTimeout(timer);
    },
  };
}
