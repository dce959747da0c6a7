/** The states of a consumer. Each transaction goes through GATHERING, APPLYING and PACING. */
export type ConsumerStateName =
  /** No batch waits. The next batch wakes the consumer. */
  | 'RESTING'
  /** A batch has arrived; batches of the same fetch arrive in the same tick. */
  | 'WAKING'
  /** Stale batches are dropped, new ones decoded, and the next transaction's messages taken. */
  | 'GATHERING'
  /** One transaction of all taken messages, repeated through outages. */
  | 'APPLYING'
  /** The transaction failed for good: each partition's messages are halved until each guilty message is alone. */
  | 'ISOLATING'
  /** Applied batches are held back briefly, so that the next fetch brings more. */
  | 'PACING';

/**
 * The states that may follow each state. RESTING may follow every state: when nothing waits, and after a fault of this
 * library's own code.
 */
const NEXT: Readonly<Record<ConsumerStateName, readonly ConsumerStateName[]>> = {
  RESTING: ['WAKING'],
  WAKING: ['GATHERING'],
  GATHERING: ['APPLYING', 'PACING'],
  APPLYING: ['ISOLATING', 'PACING'],
  ISOLATING: ['PACING'],
  PACING: ['GATHERING'],
};

export interface ConsumerState {
  now(): ConsumerStateName;
  /** @throws when `next` may not follow. That would mean two turns at once: a fault of this library */
  enter(next: ConsumerStateName): void;
  rest(): void;
}

export function createConsumerState(): ConsumerState {
  let state: ConsumerStateName = 'RESTING';
  return {
    now: () => state,
    enter(next) {
      if (!NEXT[state].includes(next)) throw new Error(`a consumer cannot go from ${state} to ${next}`);
      state = next;
    },
    rest() {
      state = 'RESTING';
    },
  };
}
