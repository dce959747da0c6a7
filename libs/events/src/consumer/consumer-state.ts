/** The states of a consumer. Each transaction goes through GATHERING, APPLYING and PACING. */
export type ConsumerStateName =
  /** Nothing waits: the next batch wakes it. */
  | 'RESTING'
  /** A batch has come; those of the same fetch come in the same tick. */
  | 'WAKING'
  /** Stale batches are dropped, new ones decoded, the next transaction's messages taken. */
  | 'GATHERING'
  /** One transaction of all that were taken, tried again through outages. */
  | 'APPLYING'
  /** That transaction failed for good: each partition's messages are halved until the guilty ones stand alone. */
  | 'ISOLATING'
  /** Applied batches are held back a little, so that the next fetch brings more. */
  | 'PACING';

/** What may follow what. From everywhere it may come to rest: when nothing waits, and after a fault of its own code. */
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
  /** @throws when that state may not follow: two turns at once, which would be a fault of this library */
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
