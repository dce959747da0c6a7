/** Milliseconds that each item beyond the first adds to the pace. */
const MS_AN_ITEM = 3;

/**
 * Keeps the starts of batches apart; the larger the batches, the longer. Times are in ms. A clock that is set back, as
 * that of a database after a failover may be, makes no wait longer than the pace.
 */
export interface Pace {
  /** How long the next batch should still wait, ms; 0 when it may start. */
  wait(now: number): number;
  /** Notes that a batch starts. */
  started(now: number): void;
  /** Notes the size of the batch. */
  had(items: number): void;
}

/**
 * A batch costs much the same with one item or twenty, so under load it pays to let it fill; a single item should not
 * wait. The pace follows the size of the last batches: single items have none, and the more items come together the
 * longer the next batch gathers, up to `maxMs`. So work goes down as load goes up, for a few milliseconds of each
 * item's time.
 */
export function createPace(maxMs: number): Pace {
  let begunAt = Number.NEGATIVE_INFINITY;
  let size = 1;
  return {
    wait(now) {
      const pace = Math.min(maxMs, MS_AN_ITEM * (size - 1));
      return Math.min(pace, Math.max(0, begunAt + pace - now));
    },
    started(now) {
      begunAt = now;
    },
    had(items) {
      size = (size + Math.max(1, items)) / 2;
    },
  };
}
