import { MAX_INTEGER } from '@shop/chassis';
import { z } from 'zod';
import { MomentError, readMoment } from '../ops/src/time.ts';

/** Most buyers of a rush. */
const MAX_BUYERS = 2_000;
/** How far back an audit of the console may reach, ms; the command line has no such limit. */
const MAX_SINCE_MS = 86_400_000;

const id = z.int().positive().max(MAX_INTEGER);

/** The body of POST /ops/rush. */
export const rushBody = z.strictObject({
  productId: id.optional().describe('what is bought; left out: a new product with 50 pieces'),
  couponPolicyId: id.optional().describe('what coupon is wanted; left out: a new policy with 50 coupons'),
  buyers: z.int().min(1).max(MAX_BUYERS).describe('demo users, drawn from those who can pay'),
  quantity: z.int().min(1).max(10).default(1).describe('pieces an order'),
});

/** The body of POST /ops/audit; it may be missing. */
export const auditBody = z.strictObject({
  since: z
    .string()
    .transform((text, context) => {
      try {
        return readMoment(text, new Date());
      } catch (error) {
        if (!(error instanceof MomentError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .refine((at) => at.getTime() >= Date.now() - MAX_SINCE_MS, 'expected a time within the last 24 hours')
    .optional()
    .describe(
      'leaves out what began before: a time with its zone (ISO 8601) or an age (90s, 15m, 2h) of the last 24 hours; left out: 15 minutes ago',
    ),
});
