import { describe, expect, it } from '@jest/globals';
import { lagIn, tailOf } from './log.ts';

const range = { topic: 't', partition: 0, from: 10, to: 25 };

describe('the lag of a group in a partition', () => {
  it('when the group continues within the log, then what lies before it counts', () =>
    expect([lagIn(range, 20), lagIn(range, 25)]).toEqual([5, 0]));

  it('when the group never committed, then all that the log holds counts', () =>
    expect(lagIn(range, undefined)).toBe(15));

  it('when retention has removed what the group had not reached, then only what is still held counts', () => {
    expect(lagIn(range, 3)).toBe(15);
    expect(lagIn({ ...range, from: 25 }, 3)).toBe(0);
  });

  it('when the group stands beyond the end of a log that was made anew, then nothing counts', () =>
    expect(lagIn(range, 90)).toBe(0));

  it('when records came since an earlier look, then the tail has only these', () =>
    expect(tailOf([{ ...range, to: 20 }], [range])).toEqual([{ ...range, from: 20 }]));
});
