import { pageQuery, userQuery } from '@shop/chassis';
import {
  answerHeaders,
  describes,
  idempotencyHeaders,
  type PassedOperation,
  pageOf,
  sharedAnswers,
  sharedReadHeaders,
  timeSchema,
  uuidSchema,
  wonSchema,
} from '@shop/chassis/api';
import { z } from 'zod';
import type { DiscountView } from './discount.ts';
import { couponsQuery, endPolicyBody, issueBody, newPolicyBody, policyParams } from './schemas.ts';
import type { CouponAnswer, RequestAnswer } from './user-routes.ts';
import type { CouponView, EndView, PolicyView } from './views.ts';

const couponId = uuidSchema.describe('the coupon; goes into an order');
const couponPolicyId = z.int().describe('the policy it was issued under');
const discount = {
  discountAmount: wonSchema.describe('what it pays of an order at most, won'),
} satisfies Record<keyof DiscountView, z.ZodType>;
const status = z
  .enum(['ISSUED', 'USED', 'EXPIRED', 'REVOKED'])
  .describe(
    'ISSUED: can be used. USED: by an order; it comes back when that is cancelled. EXPIRED: its time is over. REVOKED: the shop took it back before it was used',
  );
const expiresAt = timeSchema.describe('until when it can be used (exclusive), ISO 8601, UTC');

const coupon = describes<CouponView>()(
  z
    .strictObject({
      couponId,
      couponPolicyId,
      name: z.string().describe("the policy's name"),
      ...discount,
      status,
      issuedAt: timeSchema.describe('when it was asked for, ISO 8601, UTC'),
      usedAt: timeSchema.optional().describe('when an order used it, ISO 8601, UTC'),
      expiresAt,
    })
    .meta({ id: 'Coupon', description: 'A coupon, as its owner sees it.' }),
);

const issued = describes<CouponAnswer>()(
  z
    .strictObject({
      couponId,
      couponPolicyId,
      ...discount,
      status,
      expiresAt,
      alreadyIssued: z.boolean().describe('true when the user had it before: there is one a user and policy'),
    })
    .meta({ id: 'IssuedCoupon', description: 'The coupon that a user got.' }),
);

const couponRequest = describes<RequestAnswer>()(
  z
    .strictObject({
      requestId: uuidSchema.describe('the request; also the id of its coupon, if it gets a new one'),
      status: z
        .enum(['PENDING', 'ISSUED', 'SOLD_OUT', 'ENDED'])
        .describe('PENDING until its turn in the log has come; ENDED: the policy was ended before'),
      coupon: issued.optional(),
    })
    .meta({ id: 'CouponRequest', description: 'A request over the log, and what became of it.' }),
);

const policy = describes<PolicyView>()(
  z
    .strictObject({
      couponPolicyId: z.int().describe('the policy'),
      name: z.string().describe('what users see'),
      ...discount,
      totalQuantity: z.int().describe('coupons there are'),
      status: z.enum(['ACTIVE', 'ENDED']).describe('ENDED: the shop issues no more of them'),
      remaining: z.int().min(0).describe('coupons that can still be had; 0 when it has ENDED'),
      validDays: z.int().describe('how long a coupon can be used after it was issued, days'),
      startsAt: timeSchema.nullable().describe('from when coupons are issued, ISO 8601, UTC; null: since ever'),
      endsAt: timeSchema.nullable().describe('until when (exclusive), ISO 8601, UTC; null: without end'),
      endedAt: timeSchema.nullable().describe('when the shop ended it, ISO 8601, UTC; null while it is ACTIVE'),
    })
    .meta({ id: 'CouponPolicy', description: 'A kind of coupon of which there are so many.' }),
);

const ended = describes<EndView>()(
  z
    .strictObject({
      couponPolicyId: z.int().describe('the policy'),
      endedAt: timeSchema.describe('when it was ended, ISO 8601, UTC'),
      reason: z.string().describe('why, as the first request said'),
      issuedCount: z.int().min(0).describe('coupons that were issued; no more will be'),
      revocation: z
        .strictObject({
          status: z.enum(['RUNNING', 'DONE']).describe('RUNNING: some coupons are not revoked yet'),
          revokedCount: z.int().min(0).describe('unused coupons that were revoked, up to now'),
        })
        .nullable()
        .describe('what became of its unused coupons; null: they can be used'),
    })
    .meta({ id: 'EndedCouponPolicy', description: 'A kind of coupon that the shop has ended, as operators see it.' }),
);

const problemMembers = z.object({ couponPolicyId: z.int().optional().describe('the policy that was asked for') });

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'issueCoupon',
    method: 'POST',
    path: '/coupons/issue',
    access: 'user',
    class: 'begin',
    tag: 'coupons',
    summary: 'Get a coupon, first come first served',
    description:
      'The answer is final. There is one coupon a user and policy, so a repeat needs no key: it gets the same coupon. With `Prefer: respond-async` the request goes over the log, whose order decides.',
    query: userQuery,
    headers: z.object({
      Prefer: z.string().optional().meta({
        description: '`respond-async`: an answer at once, the outcome later (RFC 7240).',
        pattern: '^[ -~]*$',
      }),
    }),
    body: { schema: issueBody, examples: { 'a coupon of policy 1': { couponPolicyId: 1 } } },
    answers: {
      200: { description: 'The coupon.', schema: issued },
      202: {
        description: 'Accepted (`Prefer: respond-async`).',
        schema: couponRequest,
        leadsTo: { getCouponRequest: 'requestId' },
        headers: { Location: answerHeaders.location, 'Preference-Applied': answerHeaders.preferenceApplied },
      },
    },
    problems: ['COUPON_POLICY_NOT_FOUND', 'COUPON_SOLD_OUT', 'COUPON_NOT_OPEN', 'COUPON_POLICY_ENDED'],
    problemMembers,
  },
  {
    operationId: 'getCouponRequest',
    method: 'GET',
    path: '/coupons/requests/:id',
    access: 'user',
    class: 'finish',
    tag: 'coupons',
    summary: 'What became of a request over the log',
    params: z.object({ id: uuidSchema.describe('the request: `Location` of the 202') }),
    query: userQuery,
    answers: { 200: { description: 'The request.', schema: couponRequest } },
    problems: ['NOT_FOUND'],
  },
  {
    operationId: 'listCoupons',
    method: 'GET',
    path: '/coupons',
    access: 'user',
    class: 'browse',
    tag: 'coupons',
    summary: 'Own coupons, newest first',
    query: couponsQuery,
    answers: { 200: { description: 'A page of coupons.', schema: pageOf(coupon) } },
  },
  {
    operationId: 'listCouponPolicies',
    method: 'GET',
    path: '/coupon-policies',
    access: 'public',
    class: 'browse',
    shared: true,
    tag: 'coupons',
    summary: 'Which coupons there are',
    description:
      'Never older than a second when the request arrives, `remaining` included. `Cache-Control: no-cache` gets what is true now.',
    query: pageQuery,
    headers: sharedReadHeaders,
    answers: sharedAnswers({ description: 'A page of policies, by their ids.', schema: pageOf(policy) }),
  },
  {
    operationId: 'createCouponPolicy',
    method: 'POST',
    path: '/coupon-policies',
    access: 'ops',
    class: 'finish',
    tag: 'coupons',
    summary: 'Make a new kind of coupon',
    description: 'Nothing of it changes later but how many are left, until it is ended.',
    headers: idempotencyHeaders,
    body: {
      schema: newPolicyBody,
      examples: { 'a thousand': { name: 'Autumn', discountAmount: 3_000, totalQuantity: 1_000, validDays: 30 } },
    },
    answers: {
      201: { description: 'Created.', schema: policy, headers: { 'Idempotency-Replayed': answerHeaders.replayed } },
    },
    problems: ['IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_REUSED'],
  },
  {
    operationId: 'endCouponPolicy',
    method: 'POST',
    path: '/coupon-policies/:id/end',
    access: 'ops',
    class: 'finish',
    tag: 'coupons',
    summary: 'End a kind of coupon, and revoke what nobody used',
    description:
      'From the answer on none is issued any more. With `revoke` those that no order has used become REVOKED soon after; one that an order has used stays with it, and is REVOKED if that order is cancelled. The policy is the key: a repeat changes nothing and tells how it stands, a later one with `revoke` revokes too. It cannot be taken back.',
    params: policyParams,
    body: {
      schema: endPolicyBody,
      examples: {
        'no more of them': { reason: 'The price was a mistake.' },
        'and nobody can use theirs': { reason: 'The price was a mistake.', revoke: true },
      },
    },
    answers: { 200: { description: 'It has ended.', schema: ended } },
    problems: ['COUPON_POLICY_NOT_FOUND'],
    problemMembers,
  },
];
