import { describe, expect, it } from '@jest/globals';
import { NOW, policyOf } from '../../test/examples.ts';
import { decideEnd, type EndWish, type PolicyEnd } from './policy-end.ts';

const wish = (revoke: boolean): EndWish => ({ requestId: 'r', couponPolicyId: 1, reason: 'a mistake', revoke });
const policy = policyOf({ issuedCount: 3 });
const end = (revoke: boolean): PolicyEnd => {
  const written = decideEnd(policy, [], wish(revoke), NOW);
  if (!written) throw new Error('nothing was decided');
  return written;
};

describe('the end of a policy', () => {
  it('when it is ended, then it is done at once; when it is revoked, then the job has something to do', () => {
    const common = { at: NOW, issuedCount: 3, revokedCount: 0 };
    expect(end(false)).toEqual({ ...wish(false), ...common, doneAt: NOW });
    expect(end(true)).toEqual({ ...wish(true), ...common, doneAt: null });
  });

  it('when the clock is set back between an end and its revocation, then the revocation is not before the end', () => {
    const before = new Date(NOW.getTime() - 90);
    expect(decideEnd(policy, [end(false)], wish(true), before)?.at).toEqual(NOW);
  });

  it.each([
    ['ended', [false], false, 'nothing'],
    ['ended', [false], true, 'an end'],
    ['revoked', [true], false, 'nothing'],
    ['revoked', [true], true, 'nothing'],
    ['ended and revoked', [false, true], true, 'nothing'],
  ])('when it was %s (%j) and is wished again with revoke %s, then %s is written', (_, earlier, revoke, expected) => {
    const written = decideEnd(policy, earlier.map(end), wish(revoke), NOW);
    expect(written ? 'an end' : 'nothing').toBe(expected);
  });
});
