import { expect, it } from '@jest/globals';
import type { PolicyEnd } from '../domain/policy-end.ts';
import type { RedeemableCoupon } from '../domain/redemption.ts';
import { createRepeatRevocations } from './repeat-revocations.ts';

it('when another recovery has begun since, then the revocations of the former one write nothing', async () => {
  const end = { couponPolicyId: 7 } as PolicyEnd;
  const coupon = { couponId: 'c', userId: 1, status: 'ISSUED' } as RedeemableCoupon & { userId: number };
  const written: string[] = [];
  const write = (what: string) => async () => void written.push(what);
  const repeat = createRepeatRevocations({
    transactor: { transaction: (work) => work('tx') },
    revocations: {
      findUndone: async () => [end],
      findRevocable: async (_, after) => (after === 0 ? [coupon] : []),
      lockCoupons: async () => [coupon],
      saveRevoked: write('revoked'),
      finish: write('finished'),
    },
    recount: write('counted'),
    now: () => new Date(0),
  });
  const { signal } = new AbortController();
  const takenOver = () => Promise.reject(new Error('another run has begun'));
  await expect(repeat.revoke(signal, takenOver)).rejects.toThrow('another run');
  await expect(repeat.finish(signal, takenOver)).rejects.toThrow('another run');
  expect(written).toEqual([]);
  const goesOn = async () => {};
  await repeat.revoke(signal, goesOn);
  await repeat.finish(signal, goesOn);
  expect(written).toEqual(['revoked', 'counted', 'finished']);
});
