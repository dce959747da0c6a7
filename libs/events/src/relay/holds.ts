import { createBackoff } from '../clock.ts';
import { isIn, type NumberedRow, type OutboxPart } from '../store/index.ts';
import type { Refusal } from './deliver.ts';

/** First pause before a refused part is tried again, ms. */
const FIRST_MS = 500;
/** Longest pause for a topic, ms: well below an order's deadline, since its return is likely. */
const TOPIC_MS = 5_000;
/** Longest pause for a key with a refused record, ms: only an operator can change that. */
const KEY_MS = 15_000;
/** Most keys of a topic that wait by themselves; with more of them the whole topic waits. */
const MAX_KEYS = 200;

/** A part of the outbox that waits, since the broker refuses it. */
export interface Hold extends OutboxPart {
  readonly reason: string;
}

/** The parts of the outbox that wait because the broker refuses them; all other rows are sent meanwhile. */
export interface Holds {
  readonly parts: readonly Hold[];
  has(row: Pick<NumberedRow, 'topic' | 'key'>): boolean;
  /** Notes refusals. @returns those of parts that were not held, or for another reason */
  add(refusals: readonly Refusal[], now: number): Refusal[];
  /** The part whose time has come to be tried again, if any. */
  due(now: number): Hold | undefined;
  /** Tries the part again at once: some of its rows were taken, and there are more. */
  goOn(part: Hold, now: number): void;
  /** Tries the part again after its next pause. */
  wait(part: Hold, now: number): void;
  /** The part is not held any more. */
  release(part: Hold): void;
  /** Forgets everything, for example when another process relays now. */
  clear(): void;
}

interface Waiting extends Hold {
  readonly backoff: ReturnType<typeof createBackoff>;
  nextAt: number;
}

export function createHolds(random: () => number): Holds {
  let waiting: Waiting[] = [];

  /** A key of a topic that waits as a whole waits with it. */
  const isWithin = ({ topic, key }: OutboxPart) =>
    key !== undefined && waiting.some((it) => it.topic === topic && it.key === undefined);

  const find = ({ topic, key }: OutboxPart) => waiting.find((it) => it.topic === topic && it.key === key);

  function postpone(part: OutboxPart, until: (it: Waiting) => number): void {
    const held = find(part);
    if (held) held.nextAt = until(held);
  }

  function hold({ topic, key, reason }: Refusal, now: number): void {
    const isWhole = key === undefined || waiting.filter((it) => it.topic === topic).length >= MAX_KEYS;
    const backoff = createBackoff(FIRST_MS, isWhole ? TOPIC_MS : KEY_MS, random);
    const part = isWhole ? { topic } : { topic, key };
    // A topic that waits as a whole contains its keys.
    waiting = waiting.filter((it) => it.topic !== topic || (!isWhole && it.key !== undefined));
    waiting.push({ ...part, reason, backoff, nextAt: now + backoff.next() });
  }

  return {
    get parts() {
      return waiting;
    },
    has: (row) => waiting.some((part) => isIn(part, row)),
    add(refusals, now) {
      return refusals.filter((refusal) => {
        if (isWithin(refusal)) return false;
        const held = find(refusal);
        if (held?.reason === refusal.reason) {
          held.nextAt = now + held.backoff.next();
          return false;
        }
        if (held) waiting = waiting.filter((it) => it !== held);
        hold(refusal, now);
        return true;
      });
    },
    // A time farther away than the longest pause comes from a clock that was set back since.
    due: (now) => waiting.find(({ nextAt }) => nextAt <= now || nextAt > now + KEY_MS),
    goOn: (part, now) => postpone(part, () => now),
    wait: (part, now) => postpone(part, (it) => now + it.backoff.next()),
    release({ topic, key }) {
      waiting = waiting.filter((it) => it.topic !== topic || it.key !== key);
    },
    clear() {
      waiting = [];
    },
  };
}
