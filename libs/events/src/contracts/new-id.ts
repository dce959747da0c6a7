import { v7 } from 'uuid';

/**
 * Longest way back that the former time is kept for, ms: comparisons with the database's clock correct it by less. A
 * clock that goes back further was wrong before, and the time counts for more than the order.
 */
const MAX_BACK_MS = 5_000;

/**
 * Draws UUIDv7 ids that carry the time of `now` (ms since the epoch), each greater than the one before unless that
 * clock was set back by more than five seconds. A time is read from them later: when a coupon was issued, where to
 * search the log. Their order is that of lists only.
 */
export function createNewId(now: () => number): () => string {
  let msecs = 0;
  let seq = 0;
  return () => {
    const at = now();
    if (at > msecs || at < msecs - MAX_BACK_MS) {
      msecs = at;
      // Room to count on within the millisecond.
      seq = Math.floor(Math.random() * 2 ** 30);
    } else seq++;
    return v7({ msecs, seq });
  };
}
