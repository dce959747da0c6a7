import {
  type Batcher,
  clientOf,
  currentTraceparent,
  DomainError,
  parse,
  toPage,
  userIdFrom,
  userQuery,
  uuidIn,
} from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { Request, Response, Router } from 'express';
import { type Coupon, shownStatus } from '../domain/coupon.ts';
import type { IssueOutcome } from '../domain/issue.ts';
import type { CouponProblem } from '../problems.ts';
import type { AskForCoupon } from '../usecases/ask-for-coupon.ts';
import type { QueuedIssue } from '../usecases/issue-coupons.ts';
import type { CouponReads, CouponsWish, RequestState, ShownCoupon } from '../usecases/ports.ts';
import { type DiscountView, discountView } from './discount.ts';
import type { CountAnswer } from './measures.ts';
import { couponsQuery, issueBody, prefersAsync } from './schemas.ts';
import { couponView } from './views.ts';

export interface UserRoutes extends AskForCoupon {
  readonly reads: Pick<CouponReads, 'findRequest'>;
  /** Pages of own coupons; concurrent reads share one query. */
  readonly lists: Pick<Batcher<CouponsWish, readonly ShownCoupon[]>, 'submit'>;
  /** Accepts requests for the log; resolves with the request's id once it is committed. */
  readonly requests: Pick<Batcher<QueuedIssue, string>, 'submit'>;
  readonly count: CountAnswer;
  readonly now: () => Date;
  /** UUIDv7: a coupon's time of issue is read from its request's id. */
  readonly newId: () => string;
}

/** The coupon that a user got now or had before. */
export type CouponAnswer = Pick<Coupon, 'couponId' | 'couponPolicyId' | 'status' | 'expiresAt'> &
  DiscountView & {
    readonly alreadyIssued: boolean;
  };

/** A request on the log, with its outcome. */
export interface RequestAnswer extends Pick<RequestState, 'status'> {
  readonly requestId: string;
  readonly coupon?: CouponAnswer;
}

/** Users' routes: get a coupon, first come first served, and read their own. */
export function userRoutes({
  reads,
  lists,
  ask,
  askBeforeLog,
  requests,
  count,
  now,
  newId,
}: UserRoutes): (router: Router) => void {
  return (router) => {
    router.post('/coupons/issue', async (request, response) => {
      parse(userQuery, request.query);
      const { couponPolicyId } = parse(issueBody, request.body);
      const issue = queuedIssue(newId(), couponPolicyId, userIdFrom(request));
      const client = clientOf(request, response);
      const isForLog = prefersAsync(request.get('prefer'));
      const asked = isForLog ? await askBeforeLog(issue) : await ask(issue, client);
      if (!asked) {
        const requestId = await requests.submit(issue, client);
        count('ACCEPTED', 'log');
        response.setHeader('Preference-Applied', 'respond-async');
        response.status(202).setHeader('Location', `/coupons/requests/${requestId}`);
        response.json({ requestId, status: 'PENDING' } satisfies RequestAnswer);
        return;
      }
      const { outcome, way } = asked;
      count(outcome.kind, way);
      response.json(toAnswer(couponOf(outcome, couponPolicyId), outcome.kind === 'OWNED', now()));
    });

    router.get('/coupons/requests/:id', async (request: Request<{ id: string }>, response: Response) => {
      parse(userQuery, request.query);
      const userId = userIdFrom(request);
      const requestId = uuidIn(request.params.id);
      const state = requestId && (await reads.findRequest(userId, requestId));
      if (!state) throw new DomainError('NOT_FOUND', 'There is no such request.');
      const { status, coupon } = state;
      const shown = coupon && { coupon: toAnswer(coupon, coupon.couponId !== requestId, now()) };
      response.json({ requestId, status, ...shown } satisfies RequestAnswer);
    });

    router.get('/coupons', async (request, response) => {
      const { status, cursor, limit } = parse(couponsQuery, request.query);
      const userId = userIdFrom(request);
      const rows = await lists.submit({ userId, before: cursor, status, take: limit + 1, now: now() });
      response.json(toPage(rows.map(couponView), limit, (row) => row.couponId));
    });
  };
}

function queuedIssue(requestId: string, couponPolicyId: number, userId: number): QueuedIssue {
  const traceparent = currentTraceparent();
  return { requestId, couponPolicyId, userId, ...(traceparent ? { cause: { traceparent } } : {}) };
}

function toAnswer(coupon: Coupon, alreadyIssued: boolean, now: Date): CouponAnswer {
  const { couponId, couponPolicyId, discount, expiresAt } = coupon;
  const status = shownStatus(coupon, now);
  return { couponId, couponPolicyId, ...discountView(discount), status, expiresAt, alreadyIssued };
}

/** The coupon of the outcome, or its refusal. */
function couponOf(outcome: IssueOutcome, couponPolicyId: number): Coupon {
  switch (outcome.kind) {
    case 'ISSUED':
    case 'OWNED':
      return outcome.coupon;
    case 'SOLD_OUT':
      throw new DomainError<CouponProblem>('COUPON_SOLD_OUT', 'All coupons of this policy are gone.', {
        couponPolicyId,
      });
    case 'NOT_OPEN':
      throw new DomainError<CouponProblem>('COUPON_NOT_OPEN', 'Coupons of this policy are not being issued now.', {
        couponPolicyId,
      });
    case 'ENDED':
      throw new DomainError<CouponProblem>('COUPON_POLICY_ENDED', 'The shop has ended this coupon for good.', {
        couponPolicyId,
      });
    case 'NO_POLICY':
      throw new DomainError<CouponProblem>('COUPON_POLICY_NOT_FOUND', `There is no coupon policy ${couponPolicyId}.`, {
        couponPolicyId,
      });
    default:
      return unreachable(outcome);
  }
}
