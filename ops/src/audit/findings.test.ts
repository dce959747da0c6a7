import { describe, expect, it } from '@jest/globals';
import { finding } from './findings.ts';

const check = { invariant: 1, name: 'a-check', title: 'something is true' };
const suspect = (id: string, ...waitsFor: string[]) => ({ id, detail: 'it is not', waitsFor });

describe('the finding of a check', () => {
  it('when nothing was there to look at, then it says so and not that all is well', () => {
    expect(finding(check, { checked: 0, suspects: [] }).state).toBe('NOTHING_TO_CHECK');
    expect(finding(check, { checked: 1, suspects: [] }).state).toBe('HOLDS');
  });

  it('when a dead letter explains a contradiction, then it is no fault; when other letters are there, then it is one', () => {
    const result = { checked: 3, suspects: [suspect('a', 'payment/1'), suspect('b', 'payment/1', 'payment/2')] };
    const found = finding(check, { ...result, suspects: [...result.suspects, suspect('c')] }, new Set(['payment/1']));
    expect(found).toMatchObject({ state: 'BROKEN', failed: 2, parked: 1 });
    expect(found.examples.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(finding(check, result, new Set(['payment/1', 'payment/2'])).state).toBe('HOLDS');
  });
});
