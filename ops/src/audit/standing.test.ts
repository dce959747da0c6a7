import { expect, it } from '@jest/globals';
import { type Standing, standingFindings } from './standing.ts';

const halted = (...ids: string[]): Standing => ({
  halted: ids.map((id) => ({ id, detail: 'has halted' })),
  silent: [],
  away: [],
});

/** The findings after these looks, one after the other. */
async function after(looks: Standing[], graceMs: number) {
  const { findings, notes, notMade } = await standingFindings(async () => looks.shift() ?? halted(), {
    groups: 7,
    graceMs,
  });
  const made = findings.map(({ name }) => name);
  return { wrong: findings.flatMap(({ examples }) => examples.map(({ id }) => id)), made, notes, notMade };
}

it('when a partition has halted at both looks, then it is a fault and not under way', async () => {
  const looks = [halted('payment on order-events/3', 'coupon on order-events/1'), halted('payment on order-events/3')];
  expect((await after(looks, 1)).wrong).toEqual(['payment on order-events/3']);
});

it('when the system is idle, then one look at a halted partition is enough', async () => {
  expect((await after([halted('payment on order-events/3')], 0)).wrong).toEqual(['payment on order-events/3']);
});

it('when an instance does not answer, then the audit notes that it does not know', async () => {
  const { made, notes, notMade } = await after([{ ...halted(), away: ['http://payment'] }], 0);
  expect([made, notes]).toEqual([[], [expect.stringContaining('http://payment does not answer')]]);
  expect(notMade).toEqual(['nothing-has-halted', 'instances-tell-what-has-halted']);
});

it('when something has halted while an instance does not answer, then that is a fault all the same', async () => {
  const looks = [{ ...halted('payment on order-events/3'), away: ['http://coupon'] }];
  const { wrong, notMade } = await after(looks, 0);
  expect(wrong).toEqual(['payment on order-events/3']);
  expect(notMade).toEqual(['instances-tell-what-has-halted']);
});

it('when an instance is ready at both looks, but does not tell what has halted, then that is a fault', async () => {
  const silent = (...ids: string[]): Standing => ({
    ...halted(),
    silent: ids.map((id) => ({ id, detail: 'is ready' })),
  });
  const looks = [silent('http://payment', 'http://coupon'), silent('http://payment')];
  expect((await after(looks, 1)).wrong).toEqual(['http://payment']);
});
