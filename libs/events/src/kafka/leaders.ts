import { type Clock, createBackoff } from '../clock.ts';
import { describe, withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';

/** How long a partition may lack a leader before an operator's query fails, ms. */
const LEADERLESS_MS = 15_000;

const LEADERLESS = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  // The same of groups, whose coordinators are leaders of partitions.
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
];

/**
 * Asks again while Kafka answers that a partition has no leader at the named broker, or a group no coordinator: a
 * broker that has just started is named as leader before it leads. KafkaJS's administration gives up at the first such
 * answer to a query of offsets, and after some seconds when it looks up leaders; its consumer at the first.
 * @param ask called with the number of the attempt, from 0; a later attempt should not reuse metadata of an earlier one
 * @throws the error of `ask`: any other error at once, a missing leader after 15 s
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

/** Recognizes the broker's answer by KafkaJS's error type; KafkaJS wraps that error once its own attempts are over. */
function isLeaderless(error: unknown): boolean {
  for (const cause of withCauses(error)) {
    if ('type' in cause && LEADERLESS.some((type) => type === cause.type)) return true;
  }
  return false;
}
