/** Keeps a state that lasts from filling the log: each kind of line is due at first, and then once in a while. */
export interface Repeats {
  /** @returns how often the line was left out since it was last due; undefined when it is left out now */
  due(kind: string): number | undefined;
  /** The state has ended: its line is due again at once. */
  forget(kind: string): void;
}

const EVERY_MS = 60_000;
/** More kinds than this are never states: all are forgotten. */
const MAX_KINDS = 200;

/**
 * @param now ms; by default since any moment, as that clock is never set back
 * @param everyMs how often a line of the same kind is due
 */
export function createRepeats(now: () => number = () => performance.now(), everyMs = EVERY_MS): Repeats {
  const said = new Map<string, { at: number; left: number }>();
  return {
    due(kind) {
      const last = said.get(kind);
      // Also where the last one lies in the future: a clock of the database may have been set back.
      if (last && Math.abs(now() - last.at) < everyMs) {
        last.left += 1;
        return undefined;
      }
      if (said.size >= MAX_KINDS) said.clear();
      said.set(kind, { at: now(), left: 0 });
      return last?.left ?? 0;
    },
    forget: (kind) => void said.delete(kind),
  };
}
