import { claimForOne, type IdempotencyClaim, type Transaction, type Transactor } from '@shop/chassis';
import type { NewEvent, Outbox } from '@shop/events';
import type { Discount } from '../domain/discount.ts';
import { discountInEvent } from '../domain/discount-in-events.ts';

/** The scope of the keys of new policies. */
export const CREATE_POLICY = 'POST /coupon-policies';
/** Operators share one space of idempotency keys; users' ids begin at 1. */
export const OPERATORS = 0;

/** An operator's new policy. */
export interface NewPolicy {
  readonly name: string;
  readonly discount: Discount;
  readonly totalQuantity: number;
  readonly validDays: number;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
}

/** A policy in the form shown to users. */
export interface ShownPolicy extends NewPolicy {
  readonly couponPolicyId: number;
  /** Number of coupons that can still be had. */
  readonly remaining: number;
  /** When an operator ended it; null while it is open. */
  readonly endedAt: Date | null;
}

/** The request's id (a UUIDv7); with an Idempotency-Key also its claim, of the same request id. */
export interface PolicyRequest {
  readonly requestId: string;
  readonly claim?: IdempotencyClaim;
}

/** The policies of one schema, for operators. */
export interface PolicyStore {
  /** @returns the new policy's id */
  insert(tx: Transaction, policy: NewPolicy, requestId: string, at: Date): Promise<number>;
  /** The policy created by the request with this id. */
  findByRequest(tx: Transaction, requestId: string): Promise<ShownPolicy | undefined>;
}

interface Dependencies {
  readonly transactor: Transactor<Transaction>;
  readonly policies: PolicyStore;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
  /** Called in each transaction that creates a policy. */
  readonly changed?: (tx: Transaction) => void;
}

/** The policy; `replayed` when an earlier request with the same key created it. */
export interface Created {
  readonly policy: ShownPolicy;
  readonly replayed: boolean;
}

/** Creates a policy, once for each key. Afterwards only the number of coupons left changes, until it is ended. */
export function createAddPolicy({ transactor, policies, outbox, now, changed }: Dependencies) {
  return (request: PolicyRequest, wanted: NewPolicy): Promise<Created> =>
    transactor.transaction(async (tx) => {
      const at = now();
      const earlier = await claimForOne(tx, request, at);
      if (earlier !== undefined) {
        const policy = await policies.findByRequest(tx, earlier);
        if (!policy) throw new Error(`request ${earlier} holds a key but created no policy`);
        return { policy, replayed: true };
      }
      const { requestId, claim } = request;
      const couponPolicyId = await policies.insert(tx, wanted, requestId, at);
      await outbox.append(tx, [policyCreated({ ...wanted, couponPolicyId, requestId, createdAt: at }, claim)]);
      changed?.(tx);
      return { policy: { ...wanted, couponPolicyId, remaining: wanted.totalQuantity, endedAt: null }, replayed: false };
    });
}

export type AddPolicy = ReturnType<typeof createAddPolicy>;

/** The event of a policy. @param claim the Idempotency-Key of its request, if it had one */
export function policyCreated(
  policy: NewPolicy & { readonly couponPolicyId: number; readonly requestId: string; readonly createdAt: Date },
  claim: Pick<IdempotencyClaim, 'key' | 'requestHash'> | undefined,
): NewEvent {
  const { couponPolicyId, name, discount, totalQuantity, validDays, startsAt, endsAt, requestId, createdAt } = policy;
  const times = {
    startsAt: startsAt?.getTime() ?? null,
    endsAt: endsAt?.getTime() ?? null,
    createdAt: createdAt.getTime(),
  };
  const key = { idempotencyKey: claim?.key ?? null, requestHash: claim?.requestHash ?? null };
  const worth = discountInEvent(discount);
  const data = { couponPolicyId, name, totalQuantity, validDays, ...worth, ...times, requestId, ...key };
  return { type: 'coupon-policy-created', data };
}
