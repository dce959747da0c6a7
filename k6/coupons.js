// Shared by the two coupon spikes, which differ only in the way the request asks for.
import { check } from 'k6';
import http from 'k6/http';
import { anyUser, codeOf, create, post } from './lib.js';
import { number } from './profiles.js';

const USERS = number(__ENV, 'USERS', 10000);
/** SOLD_OUT=expected counts "sold out" as a right answer too. Without it only the status of success counts. */
const SOLD_OUT_IS_RIGHT = __ENV.SOLD_OUT === 'expected';

/** POLICY_ID=new creates a policy of COUPONS coupons for this run; otherwise it is the number of an existing policy. */
export function choosePolicy() {
  if (__ENV.POLICY_ID !== 'new') return { couponPolicyId: number(__ENV, 'POLICY_ID', 1) };
  const { couponPolicyId } = create('/coupon-policies', {
    name: `k6 ${new Date().toISOString()}`,
    discountAmount: 1000,
    totalQuantity: number(__ENV, 'COUPONS', 10000),
    validDays: 7,
  });
  return { couponPolicyId };
}

/** Sends one request of any user. @param success its right statuses */
export function askForCoupon({ couponPolicyId }, success, headers) {
  if (SOLD_OUT_IS_RIGHT) http.setResponseCallback(http.expectedStatuses(...success, 409));
  const answer = post('/coupons/issue', { userId: anyUser(USERS), couponPolicyId }, 'POST /coupons/issue', headers);
  check(answer, {
    [`status is ${success.join(' or ')}`]: ({ status }) =>
      success.includes(status) || (SOLD_OUT_IS_RIGHT && status === 409 && codeOf(answer) === 'COUPON_SOLD_OUT'),
  });
}
