/** A day of the shop's calendar, `yyyy-MM-dd`. The text sorts by time. */
export type BusinessDay = string;

/** The business days of one time zone. */
export interface Calendar {
  /** The day of a moment, milliseconds since the epoch. Throws RangeError for an invalid moment. */
  dayOf(at: number): BusinessDay;
  /** The day of `at` and those before it, `count` in all, latest first. */
  lastDays(at: number, count: number): BusinessDay[];
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Most minutes remembered: present completions fall into few of them. */
const MAX_MINUTES = 10_000;

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * The calendar of a time zone, by the zone's own rules (Intl). Answers are remembered by the minute: a call of Intl
 * costs microseconds, and no offset in use is finer than a minute.
 */
export function createCalendar(timeZone: string): Calendar {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601-nu-latn', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const known = new Map<number, BusinessDay>();

  function dayOf(at: number): BusinessDay {
    const minute = Math.floor(at / MINUTE_MS);
    const day = known.get(minute) ?? look(minute * MINUTE_MS);
    if (known.size >= MAX_MINUTES) known.clear();
    known.set(minute, day);
    return day;
  }
  function look(at: number): BusinessDay {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return `${parts.get('year')?.padStart(4, '0')}-${parts.get('month')}-${parts.get('day')}`;
  }
  return { dayOf, lastDays: (at, count) => daysUpTo(dayOf(at), count) };
}

/** `last` and the calendar's days before it, `count` in all, latest first. Independent of a zone's clock. */
function daysUpTo(last: BusinessDay, count: number): BusinessDay[] {
  const end = Date.parse(`${last}T00:00:00Z`);
  return Array.from({ length: count }, (_, back) => new Date(end - back * DAY_MS).toISOString().slice(0, 10));
}
