/** Smallest error of any measurement, ms: the server tells its time in whole milliseconds. */
const RESOLUTION_MS = 1;

/** One comparison of two clocks: the first clock's moments before and after the second was read. All in ms. */
export interface Comparison {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly theirs: number;
}

/** How far another clock is ahead of ours, ms: within `errorMs` of `offsetMs`. */
export interface Offset {
  readonly offsetMs: number;
  readonly errorMs: number;
}

/** The other clock was read at some moment of the round trip: its middle is taken, and half of it is the error. */
export function offsetOf({ sentAt, receivedAt, theirs }: Comparison): Offset {
  const half = (receivedAt - sentAt) / 2;
  return { offsetMs: theirs - (sentAt + half), errorMs: half + RESOLUTION_MS };
}

/**
 * The offset to use after another comparison. It moves only as far as the new comparison demands: times taken from it
 * do not tremble with each round trip.
 */
export function corrected(before: Offset | undefined, measured: Offset): Offset {
  if (!before) return measured;
  const { offsetMs, errorMs } = measured;
  const nearest = Math.min(offsetMs + errorMs, Math.max(offsetMs - errorMs, before.offsetMs));
  // A wide interval around what is known says nothing new.
  if (nearest === before.offsetMs && errorMs >= before.errorMs) return before;
  return { offsetMs: nearest, errorMs };
}
