import { describe, expect, it } from '@jest/globals';
import { ramp, startOfRamp } from './ramp.ts';

/** A system that holds up to a rate; `luck` tells of a trial by its number whether it fails all the same. */
const upTo =
  (limit: number, unlucky: readonly number[] = []) =>
  () => {
    let count = 0;
    return async (rate: number) => ({ rate, held: rate <= limit && !unlucky.includes(++count) });
  };

describe('the ramp', () => {
  it('goes up by a quarter until a rate fails twice, then tries the middle', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(180)());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 125, 156, 195, 195, 176]);
    expect(held).toBe(176);
  });

  it('stays with what held when the middle does not', async () => {
    expect((await ramp({ from: 100 }, upTo(160)())).held).toBe(156);
  });

  it('goes on when a rate fails once only', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(180, [2])());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 125, 125, 156, 195, 195, 176]);
    expect(held).toBe(176);
  });

  it('tries a rate more often that failed while others used the machine', async () => {
    let count = 0;
    const { held, trials } = await ramp({ from: 100 }, async (rate) => ({
      rate,
      held: rate <= 110 && ++count > 3,
      disturbed: rate === 100,
    }));
    expect(trials.map(({ rate }) => rate)).toEqual([100, 100, 100, 100, 125, 125, 113]);
    expect(held).toBe(100);
  });

  it('goes down when the first rate does not hold', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(70)());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 100, 80, 80, 64, 72]);
    expect(held).toBe(64);
  });

  it('gives up where nothing holds', async () => {
    const { held, trials } = await ramp({ from: 10, most: 3 }, upTo(0)());
    expect(held).toBe(0);
    expect(trials).toHaveLength(6);
  });

  it('ends where everything holds', async () => {
    expect((await ramp({ from: 100, most: 3 }, upTo(1e9)())).held).toBe(156);
  });
});

describe('the start of a ramp', () => {
  it('is the usual one at first, and later some steps below what held', () => {
    expect(startOfRamp(400, [], 0, 4)).toBe(400);
    expect(startOfRamp(400, [0], 0, 4)).toBe(400);
    expect(startOfRamp(400, [1_000, 1_000], 0, 4)).toBe(512);
  });

  it('is another one in each pair, within one step', () => {
    const starts = [0, 1, 2, 3].map((pair) => startOfRamp(400, [], pair, 4));
    expect(starts).toEqual([400, 423, 447, 473]);
  });
});
