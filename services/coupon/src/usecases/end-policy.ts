import { DomainError, type Transactor } from '@shop/chassis';
import type { NewEvent, Outbox } from '@shop/events';
import type { Policy } from '../domain/policy.ts';
import { decideEnd, type EndWish, type PolicyEnd } from '../domain/policy-end.ts';
import type { CouponProblem } from '../problems.ts';

/** The ends of policies in one schema. */
export interface PolicyEndStore<Tx> {
  /** The lock that issuing takes, too. @returns the existing ones */
  lockPolicies(tx: Tx, ids: readonly number[]): Promise<readonly Policy[]>;
  /** The policy's ends, the first first. Reads committed rows; the policy is locked. */
  findEnds(tx: Tx, couponPolicyId: number): Promise<readonly PolicyEnd[]>;
  /** Inserts the end, and marks the policy as ended unless it is. */
  insertEnd(tx: Tx, end: PolicyEnd): Promise<void>;
}

interface Dependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  readonly ends: PolicyEndStore<Tx>;
  readonly outbox: Outbox<Tx>;
  readonly now: () => Date;
  /** Called in each transaction that ends a policy. */
  readonly changed?: (tx: Tx) => void;
}

/** An ended policy, as an operator sees it. */
export interface EndedPolicy {
  readonly couponPolicyId: number;
  /** When it ended, and why: what the first wish said. */
  readonly endedAt: Date;
  readonly reason: string;
  readonly issuedCount: number;
  /** Undefined: its coupons can be used. */
  readonly revocation: PolicyEnd | undefined;
}

/**
 * Ends a policy. From the commit on no coupon of it is issued: issuing takes the same lock, whatever the door says.
 * With `revoke` the job then revokes the unused coupons. The policy is the wish's key: a repeat changes nothing, and is
 * answered with how it stands. Locks: the policy, then only new rows.
 * @throws {DomainError} COUPON_POLICY_NOT_FOUND
 */
export function createEndPolicy<Tx>({ transactor, ends, outbox, now, changed }: Dependencies<Tx>) {
  return (wish: EndWish): Promise<EndedPolicy> =>
    transactor.transaction(async (tx) => {
      const { couponPolicyId } = wish;
      const [policy] = await ends.lockPolicies(tx, [couponPolicyId]);
      if (!policy) {
        const detail = `There is no coupon policy ${couponPolicyId}.`;
        throw new DomainError<CouponProblem>('COUPON_POLICY_NOT_FOUND', detail, { couponPolicyId });
      }
      const earlier = await ends.findEnds(tx, couponPolicyId);
      const end = decideEnd(policy, earlier, wish, now());
      if (end) {
        await ends.insertEnd(tx, end);
        await outbox.append(tx, [policyEnded(end)]);
        changed?.(tx);
      }
      return endedPolicy(end ? [...earlier, end] : earlier, couponPolicyId);
    });
}

export type EndPolicy = ReturnType<typeof createEndPolicy>;

/** The event of a policy's end. */
export function policyEnded(end: Omit<PolicyEnd, 'revokedCount' | 'doneAt'>): NewEvent {
  const { couponPolicyId, revoke, reason, issuedCount, at, requestId } = end;
  const data = { couponPolicyId, revoke, reason, issuedCount, endedAt: at.getTime(), requestId };
  return { type: 'coupon-policy-ended', data };
}

function endedPolicy(ends: readonly PolicyEnd[], couponPolicyId: number): EndedPolicy {
  const [first] = ends;
  if (!first) throw new Error(`policy ${couponPolicyId} was ended without a row`);
  const { at, reason, issuedCount } = first;
  return { couponPolicyId, endedAt: at, reason, issuedCount, revocation: ends.find((it) => it.revoke) };
}
