import { v7 } from 'uuid';

/**
 * Draws UUIDv7 ids that carry the time of `now` (ms since the epoch), each greater than the one before. A time is read
 * from them later: when a coupon was issued, where to search the log.
 */
export function createNewId(now: () => number): () => string {
  let msecs = 0;
  let seq = 0;
  return () => {
    const at = now();
    if (at > msecs) {
      msecs = at;
      // Room to count on within the millisecond.
      seq = Math.floor(Math.random() * 2 ** 30);
    } else seq++;
    return v7({ msecs, seq });
  };
}
