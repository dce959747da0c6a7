import { type Clock, createBackoff } from '../clock.ts';
import { describe, withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';

/** How long a partition may be without a leader before an operator's question fails, ms. */
const LEADERLESS_MS = 15_000;

const LEADERLESS = ['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE'];

/**
 * Asks again while Kafka answers that a partition has no leader where the client looks for it: a broker that has just
 * started is named as leader before it leads. KafkaJS' administration gives up at the first such answer to a question
 * of offsets, and after some seconds when it asks who leads.
 * @param ask called with the number of the attempt, from 0; a later one should not trust what an earlier one learnt
 * @throws what `ask` rejects with: any other error at once, this one after 15 s
 */
export async function untilLed<T>(
  { clock, logger }: { readonly clock: Clock; readonly logger: EventLogger },
  ask: (attempt: number) => Promise<T>,
): Promise<T> {
  const backoff = createBackoff(100, 1_000);
  const end = clock.now() + LEADERLESS_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (!isLeaderless(error) || clock.now() >= end) throw error;
      if (attempt === 0) logger.warn({ error: describe(error) }, 'a partition has no leader, asking again');
      await clock.sleep(backoff.next());
    }
  }
}

/** By the type that KafkaJS gives to what the broker answers; it wraps that when its own attempts are over. */
function isLeaderless(error: unknown): boolean {
  for (const cause of withCauses(error)) {
    if ('type' in cause && LEADERLESS.some((type) => type === cause.type)) return true;
  }
  return false;
}
