import { type Clock, createBackoff } from '../clock.ts';
import { describe, StaleBatchError } from '../errors.ts';
import { classify } from '../failure.ts';

/** Immediate repetitions after a lost race, before it counts as an outage (conflict) or as poison (duplicate). */
export const REPETITIONS = 5;

export interface PersistenceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly isStale: () => boolean;
  readonly heartbeat: () => Promise<void>;
  /** Aborts the waiting when the consumer stops. */
  readonly signal: AbortSignal;
  /** Called with the reason while something is away, and with undefined once it is back. */
  readonly waiting: (reason: string | undefined) => void;
}

/**
 * Runs work until it succeeds, however long its dependencies are away: an outage dead-letters nothing. Rejects with
 * StaleBatchError once the batch is lost, and with the work's own error when that is poison.
 */
export function createPersistence(options: PersistenceOptions): <T>(work: () => Promise<T>) => Promise<T> {
  const { clock, random, isStale, heartbeat, signal, waiting } = options;

  const stopIfStale = () => {
    if (signal.aborted || isStale()) throw new StaleBatchError('the partition was lost, or the consumer is stopping');
  };

  return async (work) => {
    const backoff = createBackoff(50, 2_000, random);
    let lostRaces = 0;
    let away = false;
    try {
      for (;;) {
        stopIfStale();
        try {
          return await work();
        } catch (error) {
          const kind = classify(error);
          if (kind === 'poison') throw error;
          if (kind !== 'outage' && lostRaces < REPETITIONS) {
            lostRaces += 1;
            continue;
          }
          if (kind === 'duplicate') throw error;
          away = true;
          waiting(describe(error));
        }
        await clock.sleep(backoff.next(), signal);
        // A heartbeat fails when the group rebalances: then the batch is stale, or the next turn finds that it is still
        // ours.
        await heartbeat().catch(() => {});
      }
    } finally {
      if (away) waiting(undefined);
    }
  };
}
