import { describe, expect, it } from '@jest/globals';
import { searchRate, whyNotHeld } from './search.ts';

const good = { failureShare: 0, answerP95Ms: 20, drainMs: 100, confirmedShare: 1 };

describe('the search for the highest rate', () => {
  it.each([
    [400, 830],
    [400, 120],
    [1_000, 1_000],
  ])('when the search begins at %i, then it finds a limit of %i', async (start, limit) => {
    const { best, trials } = await searchRate(start, (rate) => Promise.resolve({ rate, held: rate <= limit }));
    expect(best?.rate).toBeLessThanOrEqual(limit);
    expect(best?.rate).toBeGreaterThan(limit * 0.9);
    expect(trials.length).toBeLessThan(20);
  });

  it('when a rate failed, then it is tried once more', async () => {
    let disturbed = true;
    const { best } = await searchRate(400, (rate) => {
      const held = rate <= 600 && !disturbed;
      disturbed = false;
      return Promise.resolve({ rate, held });
    });
    expect(best?.rate).toBeGreaterThanOrEqual(560);
  });

  it('when a rate failed while others were busy, then it is tried up to three times more', async () => {
    let tries = 0;
    const { best } = await searchRate(400, (rate) => {
      tries++;
      return Promise.resolve({ rate, held: rate <= 600 && tries > 3, disturbed: tries <= 3 });
    });
    expect(best?.rate).toBeGreaterThanOrEqual(560);
  });

  it('when nothing holds, then the search finds nothing', async () => {
    expect((await searchRate(400, (rate) => Promise.resolve({ rate, held: false }))).best).toBeUndefined();
  });
});

describe('a rate', () => {
  it('when all limits are kept, then a rate holds', () => expect(whyNotHeld(good)).toBeUndefined());
  it.each([
    [{ failureShare: 0.01 }, '1.0 % failed'],
    [{ answerP95Ms: 200 }, 'p95 of the answer 200 ms'],
    [{ confirmedShare: 0.9 }, 'only 90.0 %'],
    [{ drainMs: 9_000 }, '9.0 s to drain'],
  ])('when a limit is broken by %o, then a rate does not hold', (change, words) => {
    expect(whyNotHeld({ ...good, ...change })).toContain(words);
  });
});
