/**
 * What became of an order: it waits, the saga ended it (well or not), or only its deadline did. Orders that their users
 * cancelled while they waited tell nothing, and are left out.
 */
export type Fate = 'pending' | 'ended' | 'dead';

/** Fewer orders without an end may be stuck for reasons of their own, such as a dead letter. */
export const ENOUGH = 3;

/**
 * Whether the saga stands still for all that is known: none of the newest orders that had time to end was ended by it.
 * It follows from the orders alone, so a process that has just started knows it too, however few orders come.
 * @param newest newest first, by their creation; PENDING ones only if they are late
 */
export function standsStill(newest: readonly Fate[]): boolean {
  const last = newest.slice(0, ENOUGH);
  return last.length === ENOUGH && !last.includes('ended');
}
