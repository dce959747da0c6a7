import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import { type BacklogRead, createBacklogWatch } from './backlog-watch.ts';

const EVERY_MS = 400;
const NONE: BacklogRead = { first: null, firstUnderway: null, oldest: null, pending: 0, ended: 0, newest: [] };

function watchAt(times: { now: number }, read: () => Promise<BacklogRead>) {
  const measured: BacklogRead[] = [];
  const metrics = createMetrics({ defaults: false });
  const watch = createBacklogWatch({
    admission: {
      async measure(reading) {
        measured.push((await reading()) as BacklogRead);
      },
    },
    backlog: { waitMs: 1_500 },
    read,
    everyMs: EVERY_MS,
    metrics,
    nowMs: () => times.now,
  });
  return { watch, measured, measures: () => metrics.render() };
}

describe('the watch of the backlog', () => {
  it('when an order is PENDING, then its age is shown, and admission gets the reading', async () => {
    const times = { now: 10_000 };
    const found = { ...NONE, first: new Date(7_000), pending: 1 };
    const { watch, measured } = watchAt(times, async () => found);
    expect(await watch.look()).toBe(true);
    expect(measured).toEqual([found]);
    times.now = 10_500;
    expect(watch.oldestMs()).toBe(3_500);
    expect(watch.isResting()).toBe(false);
  });

  it('when the oldest order waits in line for pieces, then the age of those under way is told apart', async () => {
    const found = { ...NONE, first: new Date(1_000), firstUnderway: new Date(9_000), pending: 1 };
    const { watch, measures } = watchAt({ now: 10_000 }, async () => found);
    await watch.look();
    const text = await measures();
    expect(text).toContain('order_oldest_pending_seconds 9');
    expect(text).toContain('order_oldest_underway_seconds 1');
  });

  it('when nothing was PENDING at the last look, and that look is old, then the watch rests', async () => {
    const times = { now: 10_000 };
    const { watch } = watchAt(times, async () => NONE);
    expect(await watch.look()).toBe(false);
    expect([watch.oldestMs(), watch.isResting()]).toEqual([0, false]);
    times.now += EVERY_MS + 1;
    expect(watch.isResting()).toBe(true);
  });
});
