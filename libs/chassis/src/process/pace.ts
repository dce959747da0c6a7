/** Milliseconds that each item beyond the first adds to the pace. */
const MS_AN_ITEM = 12;
/** The pace is at most this many times what the work of a batch takes. */
const TIMES_ITS_WORK = 3;

/**
 * Keeps the starts of batches apart; the larger the batches and the longer their work, the longer. Times are in ms. A
 * clock that is set back, as that of a database after a failover may be, makes no wait longer than the pace.
 */
export interface Pace {
  /** How long the next batch should still wait, ms; 0 when it may start. */
  wait(now: number): number;
  /** Notes that a batch starts. */
  started(now: number): void;
  /** Notes the size of the batch. */
  had(items: number): void;
  /** Notes how long the work of a batch took, ms. */
  took(ms: number): void;
}

/**
 * A batch costs much the same with one item or twenty, so under load it pays to let it fill; a single item should not
 * wait. The pace follows the last batches: single items have none, and the more items come together the longer the next
 * batch gathers, but no longer than three times what the work of a batch takes, and no longer than `maxMs`. So the work
 * leaves two thirds of the time to others, on a quick machine by short waits, on a busy one by longer ones.
 * @param patient true where nobody waits for the items: then only `maxMs` limits how long a batch gathers
 */
export function createPace(maxMs: number, { patient = false }: { readonly patient?: boolean } = {}): Pace {
  let begunAt = Number.NEGATIVE_INFINITY;
  let size = 1;
  let workMs: number | undefined;
  return {
    wait(now) {
      const byWork = patient || workMs === undefined ? maxMs : TIMES_ITS_WORK * workMs;
      const pace = Math.min(maxMs, MS_AN_ITEM * (size - 1), byWork);
      return Math.min(pace, Math.max(0, begunAt + pace - now));
    },
    started(now) {
      begunAt = now;
    },
    had(items) {
      size = (size + Math.max(1, items)) / 2;
    },
    took(ms) {
      const measured = Math.max(0, ms);
      workMs = workMs === undefined ? measured : (workMs + measured) / 2;
    },
  };
}
