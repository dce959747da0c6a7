import { expect, it } from '@jest/globals';
import { inWords } from './coupons.ts';

it('when a policy has differences, then the words name only these', () => {
  const none = { couponPolicyId: 7, stalePlaces: 0, missing: 0, unknown: 0, wrongTotal: null };
  expect(inWords({ ...none, stalePlaces: 2, unknown: 1 })).toBe(
    'policy 7: 2 places that nobody claims, 1 coupons that only Redis knows',
  );
  expect(inWords({ ...none, missing: 3, wrongTotal: 5 })).toBe(
    "policy 7: 3 coupons that Redis does not know, a quantity of 5 that is not the policy's",
  );
});
