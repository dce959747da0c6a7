import type { Addresses } from '../addresses.ts';
import { reconcileIn } from './internal.ts';
import type { Findings, Reconciler } from './reconciler.ts';

/** The coupon service's answer. */
interface Answer {
  readonly policies: number;
  readonly differences: readonly {
    readonly couponPolicyId: number;
    readonly stalePlaces: number;
    readonly missing: number;
    readonly unknown: number;
    readonly wrongTotal: number | null;
  }[];
}

/** Compares the door of coupons (Redis) with the coupons (MySQL). */
export const coupons: Reconciler = {
  name: 'coupons',
  plan: (addresses) => ask(addresses, false),
  execute: (addresses) => ask(addresses, true),
};

async function ask(addresses: Addresses, execute: boolean): Promise<Findings> {
  const { policies, differences } = await reconcileIn<Answer>(addresses, 'coupon', execute);
  return { compared: `${policies} policies that Redis knows`, differences: differences.map(inWords) };
}

export function inWords({ couponPolicyId, stalePlaces, missing, unknown, wrongTotal }: Answer['differences'][number]) {
  const parts = [
    ...(stalePlaces > 0 ? [`${stalePlaces} places that nobody claims`] : []),
    ...(missing > 0 ? [`${missing} coupons that Redis does not know`] : []),
    ...(unknown > 0 ? [`${unknown} coupons that only Redis knows`] : []),
    ...(wrongTotal === null ? [] : [`a quantity of ${wrongTotal} that is not the policy's`]),
  ];
  return `policy ${couponPolicyId}: ${parts.join(', ')}`;
}
