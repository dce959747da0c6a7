import type { Act } from './script.ts';

/** What an act led to: who answered what, and who waits for a lock since. */
export interface Observation {
  /** Session → its answers, in their order. */
  readonly answers: Readonly<Record<number, readonly string[]>>;
  readonly waiting: readonly number[];
}

/** A database with sessions: the server, or the model of it. */
export interface Side<Ports> {
  /** Gives the act to its session and returns when no session can go on: each has answered or waits for a lock. */
  give(act: Act<Ports>): Promise<Observation>;
  /** Whether the session waits for a lock. */
  waits(session: number): boolean;
  /** Whether the session has begun a transaction. */
  isOpen(session: number): boolean;
  /** The committed rows. */
  contents(): Promise<unknown>;
}

/** Everything that happened in a script; `acts` are those that were given. */
export interface Run<Ports> {
  readonly acts: readonly Act<Ports>[];
  readonly observations: readonly Observation[];
  readonly contents: string;
}

/**
 * The acts in their order; those of a session that waits come once it goes on. At the end every open transaction
 * commits.
 */
export function* actsFor<Ports>(
  acts: readonly Act<Ports>[],
  side: Side<Ports>,
  sessions: number,
): Generator<Act<Ports>> {
  const left = [...acts];
  for (;;) {
    const index = left.findIndex(({ session }) => !side.waits(session));
    const [act] = index < 0 ? [] : left.splice(index, 1);
    if (!act) break;
    // A transaction that failed has ended: the rest of it begins another one, which its end ends.
    if (act.kind === 'call' || side.isOpen(act.session)) yield act;
  }
  for (;;) {
    const free = Array.from({ length: sessions }, (_, n) => n).find((n) => side.isOpen(n) && !side.waits(n));
    if (free === undefined) return;
    yield { session: free, kind: 'commit' };
  }
}
