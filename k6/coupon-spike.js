// First come, first served: 2,000 requests a second for one coupon policy, each with its final answer.
import { askForCoupon, choosePolicy } from './coupons.js';
import { spike } from './profiles.js';

export { handleSummary } from './lib.js';
export const options = spike(__ENV, 'coupon_spike');
export const setup = choosePolicy;

/** 200 for a coupon, and for the one that the user has already. */
export default function (policy) {
  askForCoupon(policy, [200]);
}
