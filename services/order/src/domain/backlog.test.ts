import { describe, expect, it } from '@jest/globals';
import { type Backlog, createBacklog, LATE_TARGETS, MOST_COUNTED } from './backlog.ts';
import type { Fate } from './standstill.ts';

const TARGET_MS = 3_000;
const DEADLINE_MS = 30_000;
const STEP_MS = 10;
/** Time from the admission to the commit, and the least time from the commit to the end. */
const PLACING_MS = 60;
const SAGA_MS = 150;
const SAMPLE_EVERY_MS = 400;

interface Load {
  /** Orders that the saga ends in a second, at a time. */
  readonly capacity: (at: number) => number;
  /** Orders that clients want to place in a second, at a time. */
  readonly offered: (at: number) => number;
  readonly instances?: number;
  /** The instance of a new order. Default: in turn. */
  readonly route?: (index: number, at: number) => number;
  readonly seconds: number;
}

interface Order {
  readonly admittedAt: number;
  endedAt: number;
  fate: Fate;
}

/** A shop with a first in, first out saga, on a simulated clock. The oldest orders are ended by their deadline. */
function simulate({ capacity, offered, instances = 1, route = (index) => index % instances, seconds }: Load) {
  const backlogs = Array.from({ length: instances }, () => createBacklog({ targetMs: TARGET_MS, floor: 500 }));
  const orders: Order[] = [];
  /** Reason → number of refusals at each step. */
  const refusals = { backlog: new Uint32Array(seconds * 100), stalled: new Uint32Array(seconds * 100) };
  const placing: { readonly order: Order; readonly end: (isPlaced: boolean) => void }[] = [];
  const pending: { readonly order: Order; readonly since: number }[] = [];
  const endedFor = backlogs.map(() => 0);
  let due = 0;
  let index = 0;
  let work = 0;
  let expired = 0;

  function end(at: number, byDeadline: boolean): void {
    const first = pending.shift();
    if (!first) return;
    first.order.endedAt = at;
    first.order.fate = byDeadline ? 'dead' : 'ended';
    if (byDeadline) expired++;
    else for (const i of endedFor.keys()) endedFor[i] = (endedFor[i] ?? 0) + 1;
  }

  function sample(backlog: Backlog, i: number, at: number): void {
    const ended = endedFor[i] ?? 0;
    endedFor[i] = 0;
    const oldest = pending[20];
    const oldestMs = oldest ? at - oldest.order.admittedAt : 0;
    backlog.sample(at)({ pending: pending.length, ended, oldestMs, newest: ended > 0 ? [] : newestAt(at) });
  }

  function newestAt(at: number): Fate[] {
    const lateFrom = at - LATE_TARGETS * TARGET_MS;
    const known = orders.filter(({ admittedAt, fate }) => fate !== 'pending' || admittedAt <= lateFrom);
    return known
      .slice(-10)
      .map(({ fate }) => fate)
      .reverse();
  }

  for (let at = 0; at < seconds * 1_000; at += STEP_MS) {
    while (placing[0] && placing[0].order.admittedAt + PLACING_MS <= at) {
      const { order, end: placed } = placing.shift() as (typeof placing)[number];
      placed(true);
      pending.push({ order, since: at });
    }
    work = Math.min(work + (capacity(at) * STEP_MS) / 1_000, 50);
    for (; work >= 1 && pending[0] && pending[0].since + SAGA_MS <= at; work--) end(at, false);
    while (pending[0] && pending[0].order.admittedAt + DEADLINE_MS <= at) end(at, true);
    for (const [i, backlog] of backlogs.entries()) {
      if ((at + i * 130) % SAMPLE_EVERY_MS === 0) sample(backlog, i, at);
    }
    for (due += (offered(at) * STEP_MS) / 1_000; due >= 1; due--) {
      const backlog = backlogs[route(index++, at)] as Backlog;
      const reason = backlog.refusal(at);
      if (reason) {
        const counts = refusals[reason];
        counts[at / STEP_MS] = (counts[at / STEP_MS] ?? 0) + 1;
        continue;
      }
      const order: Order = { admittedAt: at, endedAt: Number.POSITIVE_INFINITY, fate: 'pending' };
      orders.push(order);
      placing.push({ order, end: backlog.begin() });
    }
  }
  const admitted = (from: number, to: number) =>
    orders.filter(({ admittedAt }) => admittedAt >= from * 1_000 && admittedAt < to * 1_000).length / (to - from);
  const refused = (from: number, to: number, reasons: readonly (keyof typeof refusals)[] = ['backlog', 'stalled']) =>
    reasons
      .map((reason) => refusals[reason].subarray(from * 100, to * 100).reduce((sum, n) => sum + n, 0))
      .reduce((sum, n) => sum + n, 0);
  /** The longest time of an order that was admitted in these seconds and has ended. */
  const longest = (from: number, to: number) =>
    Math.max(
      ...orders
        .filter(
          ({ admittedAt, endedAt }) => admittedAt >= from * 1_000 && admittedAt < to * 1_000 && endedAt < Infinity,
        )
        .map(({ admittedAt, endedAt }) => endedAt - admittedAt),
    );
  return { admitted, refused, longest, expired, backlogs, pending: pending.length };
}

const steady = (perSecond: number) => () => perSecond;

describe('the backlog', () => {
  it('when no more is offered than ends, then no order is refused, from the first second on', () => {
    for (const perSecond of [5, 100, 600, 1_000]) {
      const run = simulate({ capacity: steady(1_000), offered: steady(perSecond), seconds: 10 });
      expect(run.refused(0, 10)).toBe(0);
    }
  });

  it('when a rush comes after silence or a few orders, then no order is refused', () => {
    for (const before of [0, 3]) {
      const offered = (at: number) => (at < 60_000 ? before : 1_000);
      expect(simulate({ capacity: steady(1_100), offered, seconds: 70 }).refused(0, 70)).toBe(0);
    }
  });

  it.each([1, 2, 3])(
    'when 2, 4 and 8 times as much is offered to %i instances, then no order waits for much longer than the target, and no less ends',
    (instances) => {
      for (const times of [1.2, 2, 4, 8]) {
        const run = simulate({ capacity: steady(1_000), offered: steady(1_000 * times), instances, seconds: 30 });
        expect(run.longest(0, 25)).toBeLessThan(TARGET_MS * 1.25);
        expect(run.admitted(10, 30)).toBeGreaterThan(970);
        expect(run.expired).toBe(0);
      }
    },
  );

  it('when the saga is slow from the start, then its orders end in time all the same', () => {
    const run = simulate({ capacity: steady(60), offered: steady(500), seconds: 60 });
    expect(run.expired).toBe(0);
    expect(run.longest(0, 30)).toBeLessThan(DEADLINE_MS / 2);
    expect(run.longest(20, 50)).toBeLessThan(TARGET_MS * 1.25);
  });

  it('when the saga becomes slower under load, then the backlog follows', () => {
    const capacity = (at: number) => (at < 20_000 ? 1_000 : 300);
    const run = simulate({ capacity, offered: steady(2_000), seconds: 60 });
    expect(run.expired).toBe(0);
    expect(run.longest(30, 55)).toBeLessThan(TARGET_MS * 1.25);
    expect(run.admitted(35, 60)).toBeGreaterThan(290);
  });

  it.each([
    { perSecond: 1_000, instances: 1 },
    { perSecond: 1_000, instances: 2 },
    { perSecond: 8_000, instances: 2 },
    { perSecond: 50, instances: 1 },
  ])(
    'when nothing ends for 20 s at $perSecond a second to $instances, then soon nothing begins, all that began ends in time, and it heals by itself',
    ({ perSecond, instances }) => {
      const capacity = (at: number) => (at >= 10_000 && at < 30_000 ? 0 : 1_200);
      const run = simulate({ capacity, offered: steady(perSecond), instances, seconds: 60 });
      expect(run.admitted(18, 30)).toBe(0);
      expect(run.refused(20, 30, ['stalled'])).toBeGreaterThan(0);
      expect(run.expired).toBe(0);
      expect(run.longest(0, 50)).toBeLessThan(20_000 + 2 * TARGET_MS);
      expect(run.admitted(33, 60)).toBeGreaterThan(Math.min(perSecond, 1_200) * 0.97);
      if (perSecond <= 1_000) expect(run.refused(33, 60)).toBe(0);
    },
  );

  it('when nothing ends for some seconds under a usual load, as while consumers rebalance, then no order is refused', () => {
    const capacity = (at: number) => (at >= 10_000 && at < 13_800 ? 0 : 1_000);
    const run = simulate({ capacity, offered: steady(120), seconds: 25 });
    expect(run.refused(0, 25)).toBe(0);
  });

  it('when nothing ends for longer than the deadline, then only orders begun before miss it', () => {
    const capacity = (at: number) => (at >= 10_000 && at < 60_000 ? 0 : 1_200);
    const run = simulate({ capacity, offered: steady(600), seconds: 90 });
    expect(run.expired).toBeLessThan(2_000);
    expect(run.admitted(18, 39)).toBe(0);
    expect(run.admitted(64, 90)).toBeGreaterThan(590);
  });

  it.each([
    { perSecond: 0.5, instances: 1, most: 5 },
    { perSecond: 0.5, instances: 2, most: 6 },
    { perSecond: 60, instances: 1, most: 500 },
  ])(
    'when nothing ends for ten minutes at $perSecond a second to $instances, then but for the first only a probe a deadline is taken, and it heals by itself',
    ({ perSecond, instances, most }) => {
      const capacity = (at: number) => (at >= 10_000 && at < 610_000 ? 0 : 1_200);
      const run = simulate({ capacity, offered: steady(perSecond), instances, seconds: 700 });
      const probes = instances * (600_000 / DEADLINE_MS);
      expect(run.expired).toBeLessThanOrEqual(most + probes);
      // A probe waits in the log: it ends as soon as the saga goes on.
      expect(run.refused(645, 700)).toBe(0);
    },
  );

  it('when an instance has just started and the newest orders were ended by their deadline, then it takes one, and more once that has ended', () => {
    const backlog = createBacklog({ targetMs: TARGET_MS, floor: 500 });
    const dead: Fate[] = ['dead', 'dead', 'dead'];
    backlog.sample(0)({ pending: 0, oldestMs: 0, ended: 0, newest: dead });
    expect(backlog.refusal(0)).toBeUndefined();
    backlog.begin()(true);
    expect(backlog.refusal(10)).toBe('stalled');
    expect(backlog.overMs).toBeUndefined();
    backlog.sample(400)({ pending: 1, oldestMs: 0, ended: 0, newest: dead });
    backlog.sample(800)({ pending: 1, oldestMs: 0, ended: 0, newest: dead });
    expect(backlog.refusal(800)).toBe('stalled');
    backlog.sample(1_200)({ pending: 0, oldestMs: 0, ended: 1, newest: [] });
    expect(backlog.refusal(1_200)).toBeUndefined();
  });

  it('when an order comes while the saga is away and no other waits, then it is accepted', () => {
    const run = simulate({ capacity: steady(0), offered: (at) => (at === 1_000 ? 200 : 0), seconds: 10 });
    expect(run.refused(0, 10)).toBe(0);
  });

  it('when all orders go to another instance, then that one soon accepts as many as both did', () => {
    const route = (index: number, at: number) => (at < 20_000 ? index % 2 : 0);
    const run = simulate({ capacity: steady(1_000), offered: steady(4_000), instances: 2, route, seconds: 40 });
    expect(run.longest(0, 34)).toBeLessThan(TARGET_MS * 1.25);
    expect(run.admitted(24, 40)).toBeGreaterThan(970);
  });

  it('when orders are not placed after all, then their room is free again', () => {
    const backlog = createBacklog({ targetMs: TARGET_MS, floor: 2 });
    const ends = [backlog.begin(), backlog.begin()];
    expect(backlog.refusal(0)).toBe('backlog');
    ends[0]?.(false);
    ends[0]?.(false);
    expect(backlog.refusal(0)).toBeUndefined();
    backlog.begin();
    expect(backlog.refusal(0)).toBe('backlog');
    // Placed: the order is in the next sample, and no longer counted beside it.
    ends[1]?.(true);
    backlog.sample(100)({ pending: 1, oldestMs: 100, ended: 0, newest: [] });
    expect(backlog.refusal(100)).toBe('backlog');
    backlog.sample(200)({ pending: 0, oldestMs: 0, ended: 1, newest: [] });
    expect(backlog.refusal(200)).toBeUndefined();
  });
});

describe('more PENDING orders than are counted', () => {
  it.each([
    { targetMs: 10_000, floor: 500, endedPerSample: 480 },
    { targetMs: TARGET_MS, floor: 20_000, endedPerSample: 0 },
    { targetMs: TARGET_MS, floor: 500, endedPerSample: 2_000 },
  ])(
    'when more orders are PENDING than are counted, then none begins: a target of $targetMs ms, a floor of $floor, $endedPerSample end',
    ({ targetMs, floor, endedPerSample: ended }) => {
      const backlog = createBacklog({ targetMs, floor });
      let at = 0;
      const sample = (pending: number) => {
        at += SAMPLE_EVERY_MS;
        backlog.sample(at)({ pending, oldestMs: 1_000, ended, newest: [] });
      };
      for (let n = 0; n < 10; n++) sample(MOST_COUNTED - 1);
      expect(backlog.refusal(at)).toBeUndefined();
      sample(MOST_COUNTED);
      for (const passed of [0, SAMPLE_EVERY_MS, 5_000]) expect(backlog.refusal(at + passed)).toBe('backlog');
      sample(MOST_COUNTED - 1);
      expect(backlog.refusal(at)).toBeUndefined();
    },
  );
});
