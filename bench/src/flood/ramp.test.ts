import { describe, expect, it } from '@jest/globals';
import { ramp, startOfRamp } from './ramp.ts';

/** A system that holds up to a limit; trials whose numbers are `unlucky` fail all the same. */
const upTo =
  (limit: number, unlucky: readonly number[] = []) =>
  () => {
    let count = 0;
    return async (rate: number) => ({ rate, held: rate <= limit && !unlucky.includes(++count) });
  };

describe('the ramp', () => {
  it('when rates hold, then the ramp goes up by a quarter until one fails twice, then tries the middle', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(180)());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 125, 156, 195, 195, 176]);
    expect(held).toBe(176);
  });

  it('when the middle does not hold, then the highest rate that held remains', async () => {
    expect((await ramp({ from: 100 }, upTo(160)())).held).toBe(156);
  });

  it('when a rate fails only once, then the ramp goes on', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(180, [2])());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 125, 125, 156, 195, 195, 176]);
    expect(held).toBe(176);
  });

  it('when a rate failed while others used the machine, then it is tried more often', async () => {
    let count = 0;
    const { held, trials } = await ramp({ from: 100 }, async (rate) => ({
      rate,
      held: rate <= 110 && ++count > 3,
      disturbed: rate === 100,
    }));
    expect(trials.map(({ rate }) => rate)).toEqual([100, 100, 100, 100, 125, 125, 113]);
    expect(held).toBe(100);
  });

  it('when the first rate does not hold, then the ramp goes down', async () => {
    const { held, trials } = await ramp({ from: 100 }, upTo(70)());
    expect(trials.map(({ rate }) => rate)).toEqual([100, 100, 80, 80, 64, 72]);
    expect(held).toBe(64);
  });

  it('when nothing holds, then the ramp gives up', async () => {
    const { held, trials } = await ramp({ from: 10, most: 3 }, upTo(0)());
    expect(held).toBe(0);
    expect(trials).toHaveLength(6);
  });

  it('when everything holds, then the ramp ends at its limit', async () => {
    expect((await ramp({ from: 100, most: 3 }, upTo(1e9)())).held).toBe(156);
  });
});

describe('the start of a ramp', () => {
  it('when no rate held before, then a ramp begins at the usual rate; later some steps below the held rate', () => {
    expect(startOfRamp(400, [], 0, 4)).toBe(400);
    expect(startOfRamp(400, [0], 0, 4)).toBe(400);
    expect(startOfRamp(400, [1_000, 1_000], 0, 4)).toBe(512);
  });

  it('when pairs follow each other, then each begins at another rate, within one step', () => {
    const starts = [0, 1, 2, 3].map((pair) => startOfRamp(400, [], pair, 4));
    expect(starts).toEqual([400, 423, 447, 473]);
  });
});
