// The same spike by the log-first way: 202 and a receipt at once, the coupon a moment later; 200 for one already there.
import { askForCoupon, choosePolicy } from './coupons.js';
import { spike } from './profiles.js';

export { handleSummary } from './lib.js';
export const options = spike(__ENV, 'coupon_spike_async');
export const setup = choosePolicy;

export default function (policy) {
  askForCoupon(policy, [202, 200], { Prefer: 'respond-async' });
}
