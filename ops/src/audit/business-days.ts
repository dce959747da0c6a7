/** A business day and the moment it begins, ms. It ends where the next one begins. */
export interface DayStart {
  readonly day: string;
  readonly from: number;
}

const DAY_MS = 86_400_000;
/** No zone is further from UTC than this, ms. */
const FURTHEST_MS = 15 * 3_600_000;

/** The day (`yyyy-MM-dd`) of a moment in a time zone. */
export function dayIn(timeZone: string, at: number): string {
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at);
}

/** The moment a day begins in a time zone, ms: the first moment with that date or a later one. */
export function startOf(timeZone: string, day: string): number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  const midnight = Date.parse(`${day}T00:00:00Z`);
  let before = (midnight - FURTHEST_MS) / 1_000;
  let after = (midnight + FURTHEST_MS) / 1_000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (format.format(middle * 1_000) >= day) after = middle;
    else before = middle;
  }
  return after * 1_000;
}

/**
 * The days from `first` to `last`, both included, each with its beginning. The day after is added as the end of the
 * last.
 */
export function dayStarts(timeZone: string, first: string, last: string): DayStart[] {
  const starts: DayStart[] = [];
  const end = Date.parse(`${last}T00:00:00Z`) + DAY_MS;
  for (let at = Date.parse(`${first}T00:00:00Z`); at <= end; at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    starts.push({ day, from: startOf(timeZone, day) });
  }
  return starts;
}
