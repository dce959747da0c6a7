import { type ItemResult, succeeded, type Transactor } from '@shop/chassis';
import type { Cause, NewEvent, Outbox } from '@shop/events';
import type { Coupon } from '../domain/coupon.ts';
import { discountInEvent } from '../domain/discount-in-events.ts';
import { decideIssues, type IssueOutcome, type IssueRequest } from '../domain/issue.ts';
import type { Policy } from '../domain/policy.ts';
import type { Ownership } from './owners.ts';

/** A request handed to the writer. */
export interface QueuedIssue extends IssueRequest {
  /** Its cause: a trace, or the request on the log. */
  readonly cause?: Cause;
}

/** The coupons of one schema. */
export interface CouponStore<Tx> {
  /**
   * Locks the policies in the order of their ids, until the transaction ends. @returns the existing ones. `ids` is
   * sorted.
   */
  lockPolicies(tx: Tx, ids: readonly number[]): Promise<readonly Policy[]>;
  /** The coupons that these users have of these policies. Reads committed rows; the policies are locked. */
  findOwned(tx: Tx, owners: readonly Ownership[]): Promise<readonly Coupon[]>;
  /** Inserts the coupons and raises each policy's counter by exactly their number. */
  insertIssued(tx: Tx, coupons: readonly Coupon[]): Promise<void>;
}

interface WriteDependencies<Tx> {
  readonly store: CouponStore<Tx>;
  readonly outbox: Outbox<Tx>;
}

interface Dependencies<Tx> extends WriteDependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  /** Called once after the commit with the coupons that the requests' users now hold. Must not throw. */
  readonly onIssued: (coupons: readonly Coupon[]) => void;
}

/**
 * Issues to all waiting requests in one transaction: the run of a batcher. Each gets its own outcome; a refusal does
 * not affect the others.
 */
export function createIssueCoupons<Tx>({ transactor, onIssued, ...write }: Dependencies<Tx>) {
  return async (requests: readonly QueuedIssue[]): Promise<ItemResult<IssueOutcome>[]> => {
    const outcomes = await transactor.transaction((tx) => issueIn(write, tx, requests, { byRequest: false }));
    onIssued(outcomes.flatMap(couponIn));
    return outcomes.map(succeeded);
  };
}

/**
 * Issues in the caller's transaction. Locks: policies in id order, then only new rows. The holder of a policy's lock
 * sees all of its coupons, and no other transaction adds one until the commit.
 * @param byRequest the requests come from the log: their time was checked when they were accepted
 * @returns an outcome for each request, in their order
 */
export async function issueIn<Tx>(
  { store, outbox }: WriteDependencies<Tx>,
  tx: Tx,
  requests: readonly QueuedIssue[],
  { byRequest }: { readonly byRequest: boolean },
): Promise<readonly IssueOutcome[]> {
  const policyIds = [...new Set(requests.map((request) => request.couponPolicyId))].sort((a, b) => a - b);
  const policies = await store.lockPolicies(tx, policyIds);
  const owned = policies.length === 0 ? [] : await store.findOwned(tx, requests);
  const { outcomes, issued } = decideIssues(policies, owned, requests, byRequest);
  if (issued.length > 0) {
    const causes = new Map(requests.map(({ requestId, cause }) => [requestId, cause]));
    await store.insertIssued(tx, issued);
    await outbox.append(
      tx,
      issued.map((coupon) => toEvent(coupon, byRequest, causes.get(coupon.couponId))),
    );
  }
  return outcomes;
}

/** The coupon that the user has after this outcome, if any. */
export function couponIn(outcome: IssueOutcome): Coupon[] {
  return outcome.kind === 'ISSUED' || outcome.kind === 'OWNED' ? [outcome.coupon] : [];
}

function toEvent(coupon: Coupon, byRequest: boolean, cause: Cause | undefined): NewEvent {
  const event = couponIssued(coupon, byRequest);
  return cause ? { ...event, cause } : event;
}

/** The event of a coupon's issue. @param byRequest it was asked for over the log */
export function couponIssued(coupon: Omit<Coupon, 'status'>, byRequest: boolean): NewEvent {
  const { couponPolicyId, couponId, userId, discount, issuedAt, expiresAt } = coupon;
  const times = { issuedAt: issuedAt.getTime(), expiresAt: expiresAt.getTime() };
  const data = { couponPolicyId, couponId, userId, ...discountInEvent(discount), ...times, byRequest };
  return { type: 'coupon-issued', data };
}
