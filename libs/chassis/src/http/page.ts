import { z } from 'zod';

const DIGITS = /^\d{1,15}$/;

/** `limit` of a list. */
export const pageLimit = z
  .string()
  .refine((text) => DIGITS.test(text) && Number(text) >= 1 && Number(text) <= 100, 'expected 1 to 100')
  .transform(Number)
  .default(20)
  .meta({ type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'items of a page, at most' });

/** `cursor` of a list; `isId` recognizes its ids. The cursor is opaque: clients only pass it back. */
export function pageCursor(isId: (text: string) => boolean) {
  return z
    .string()
    .transform((text) => Buffer.from(text, 'base64url').toString('latin1'))
    .refine(isId, 'expected the nextCursor of this list')
    .describe('`nextCursor` of the page before; nothing is to be read into it');
}

/** The query of a list whose ids are numbers; anything else in it is refused. */
export const pageQuery = z.strictObject({
  cursor: pageCursor((text) => DIGITS.test(text))
    .transform(Number)
    .optional()
    .describe('`nextCursor` of the page before; nothing is to be read into it'),
  limit: pageLimit,
});

/** A page of `limit` items out of `limit + 1` rows: the extra row shows that there is more. */
export function toPage<T>(rows: readonly T[], limit: number, idOf: (item: T) => number | string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, nextCursor: more ? Buffer.from(String(idOf(last))).toString('base64url') : null };
}
