import { z } from 'zod';

/** A text that is no moment to look from. The message is a sentence. */
export class MomentError extends Error {
  override readonly name = 'MomentError';
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** No shop of this kind is older; an earlier time is a mistake. */
const EARLIEST = Date.UTC(2000, 0);
const FORMS = 'a time with its zone (2026-01-31T09:00:00Z, 2026-01-31T18:00:00+09:00) or an age (90s, 15m, 2h, 1d)';

const isoTime = z.union([z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })]);

/**
 * Reads a moment of the past: an ISO 8601 time with its zone, or an age. All commands and the console read times here:
 * `new Date` would take `45` for the year 2045, and a look from there on finds nothing and nothing wrong.
 * @throws {MomentError} for anything else: no unit, no zone, a date that does not exist, the future
 */
export function readMoment(text: string, now: Date): Date {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count === undefined && !isoTime.safeParse(text).success) throw new MomentError(faultOf(text));
  const at = count === undefined ? new Date(text) : new Date(now.getTime() - Number(count) * (UNITS[unit] ?? 0));
  if (at.getTime() > now.getTime())
    throw new MomentError(`It must not be in the future: here it is ${now.toISOString()}.`);
  if (at.getTime() < EARLIEST) throw new MomentError('It must not be before the year 2000.');
  return at;
}

function faultOf(text: string): string {
  if (/^\d+$/.test(text)) return `${text} has no unit. It must be ${FORMS}.`;
  if (isoTime.safeParse(`${text}Z`).success || z.iso.date().safeParse(text).success)
    return `${text} has no zone. It must be ${FORMS}.`;
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return `There is no such time. It must be ${FORMS}.`;
  return `It must be ${FORMS}.`;
}
