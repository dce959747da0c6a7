import type { EachBatchPayload } from 'kafkajs';
import { createBackoff } from '../clock.ts';
import { describe } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import { createRepeats, type Repeats } from '../repeats.ts';

/** Partitions whose batch was given back. Each resumes after its own pause, while the others continue. */
export interface PausedPartitions {
  pause(payload: EachBatchPayload, error: unknown): void;
  /** Resets the partition's next pause to the first one. */
  forget(partition: string): void;
  stop(): void;
}

interface Paused {
  readonly backoff: ReturnType<typeof createBackoff>;
  readonly repeats: Repeats;
  timer?: NodeJS.Timeout;
}

export function createPausedPartitions(groupId: string, logger: EventLogger): PausedPartitions {
  const paused = new Map<string, Paused>();
  return {
    pause({ batch: { topic, partition }, pause }, error) {
      const entry = paused.get(`${topic}/${partition}`) ?? {
        backoff: createBackoff(200, 15_000),
        repeats: createRepeats(),
      };
      const ms = entry.backoff.next();
      const details = { groupId, topic, partition, ms, error: describe(error) };
      const leftOut = entry.repeats.due('given back');
      if (leftOut === undefined) logger.debug(details, 'batch given back; it comes again');
      else logger.warn({ ...details, ...(leftOut > 0 && { leftOut }) }, 'batch given back; it comes again');
      entry.timer = setTimeout(pause(), ms);
      paused.set(`${topic}/${partition}`, entry);
    },
    forget: (partition) => void paused.delete(partition),
    stop() {
      for (const { timer } of paused.values()) clearTimeout(timer);
    },
  };
}
