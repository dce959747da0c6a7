import { z } from 'zod';

const DIGITS = /^\d{1,15}$/;

/** `cursor` and `limit` of a list. The cursor hides an id: clients pass it on and read nothing into it. */
export const pageQuery = z.object({
  cursor: z
    .string()
    .transform((text) => Buffer.from(text, 'base64url').toString('latin1'))
    .refine((id) => DIGITS.test(id), 'expected the nextCursor of this list')
    .transform(Number)
    .optional(),
  limit: z
    .string()
    .refine((text) => DIGITS.test(text) && Number(text) >= 1 && Number(text) <= 100, 'expected 1 to 100')
    .transform(Number)
    .default(20),
});

/** A page of `limit` items out of `limit + 1` rows: the one too many tells that there is more. */
export function toPage<T>(rows: readonly T[], limit: number, idOf: (item: T) => number) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, nextCursor: more ? Buffer.from(String(idOf(last))).toString('base64url') : null };
}
