import { type ItemResult, succeeded } from '@shop/chassis';
import type { Coupon } from '../domain/coupon.ts';

/** A user and a policy: at most one coupon. */
export interface Ownership {
  readonly couponPolicyId: number;
  readonly userId: number;
}

/** The coupon of each user, undefined where there is none, in their order: the run of a batcher. */
export function createFindEachOwned(find: (owners: readonly Ownership[]) => Promise<readonly Coupon[]>) {
  const nameOf = (it: Ownership) => `${it.couponPolicyId} ${it.userId}`;
  return async (owners: readonly Ownership[]): Promise<ItemResult<Coupon | undefined>[]> => {
    const found = new Map((await find(owners)).map((coupon) => [nameOf(coupon), coupon]));
    return owners.map((it) => succeeded(found.get(nameOf(it))));
  };
}
