import { MAX_INTEGER, pageCursor, pageLimit, shownText, userIdSchema, userQuery, uuidIn } from '@shop/chassis';
import { z } from 'zod';
import { discountBody } from './discount.ts';

/** Range of a sale's times; a time outside is taken for a mistake. */
const EARLIEST = Date.UTC(2000, 0);
const LATEST = Date.UTC(2100, 0);

const wholeNumber = (most: number) => z.number().int().min(1).max(most);

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= EARLIEST && at.getTime() < LATEST, 'expected a time from 2000 to 2099');

export const newPolicyBody = z
  .strictObject({
    name: shownText(200).describe('what users see; one line, without control characters'),
    ...discountBody,
    // The door of a policy is loaded and compared as a whole; this many take a fraction of its time-out.
    totalQuantity: wholeNumber(100_000).describe('coupons there are'),
    validDays: wholeNumber(3_650).describe('how long a coupon can be used after it was issued, days'),
    startsAt: time
      .nullish()
      .transform((at) => at ?? null)
      .describe('from when coupons are issued, ISO 8601, 2000 to 2099; at once when left out'),
    endsAt: time
      .nullish()
      .transform((at) => at ?? null)
      .describe('until when (exclusive), after startsAt; without end when left out'),
  })
  .refine(({ startsAt, endsAt }) => !startsAt || !endsAt || endsAt > startsAt, {
    path: ['endsAt'],
    message: 'expected a time after startsAt',
  });

export const endPolicyBody = z.strictObject({
  reason: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .refine((text) => text.isWellFormed(), 'expected well-formed text')
    .describe('why, for operators; users are not shown it'),
  revoke: z
    .boolean()
    .default(false)
    .describe('also revoke the coupons that no order has used; false: who has one can use it'),
});

export const policyParams = z.object({
  id: z.coerce.number().int().positive().max(MAX_INTEGER).describe('the policy: `GET /coupon-policies`'),
});

export const issueBody = z.strictObject({
  userId: userIdSchema.optional(),
  couponPolicyId: z.number().int().positive().max(MAX_INTEGER).describe('which coupon: `GET /coupon-policies`'),
});

export const couponsQuery = z.strictObject({
  ...userQuery.shape,
  status: z.enum(['ISSUED', 'USED', 'EXPIRED', 'REVOKED']).optional().describe('only coupons in this state'),
  cursor: pageCursor((text) => uuidIn(text) === text).optional(),
  limit: pageLimit,
});

export const reconcileQuery = z.strictObject({ execute: z.enum(['true', 'false']).default('false') });

/** Whether the client prefers an answer at once, and reads the outcome later (RFC 7240). */
export function prefersAsync(header: string | undefined): boolean {
  return header !== undefined && /(^|,)\s*respond-async\s*(;[^,]*)?(,|$)/i.test(header);
}
