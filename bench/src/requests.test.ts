import { describe, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { compareTimes } from './counting.ts';
import { afterIssue, afterLog } from './coupons.ts';
import { judgeRequests } from './requests.ts';
import { type RequestsResult, renderRequestsReport, shareOf, summarizeRequests } from './requests-report.ts';

const latency = { count: 1_000, p50: 3, p95: 12, p99: 40, max: 80 };
const driven = (accepted: number, failures: Record<string, number> = {}) => ({
  load: { offered: 1_000, accepted, failures, answer: latency, waited: latency, latestSendMs: 4, from: 0, to: 10_000 },
  cpu: {
    processes: [
      { name: 'generator', cpuSeconds: 1, rssBytes: 0 },
      { name: 'gateway-1', cpuSeconds: 4, rssBytes: 0 },
      { name: 'gateway-2', cpuSeconds: 3, rssBytes: 0 },
    ],
    othersSeconds: 2,
    idleSeconds: 10,
    wallSeconds: 10,
  },
});

describe('a load of requests', () => {
  it('when answers are right and quick, then the rate holds', () => {
    expect(judgeRequests(100, 10, driven(1_000))).toMatchObject({ held: true, failureShare: 0, disturbed: false });
  });

  it.each([
    ['wrong answers', driven(980), {}, '2.0 % failed'],
    ['a backlog that is left', driven(1_000), { drainMs: 9_000 }, '9.0 s to drain'],
    ['work that falls behind', driven(1_000), { confirmedShare: 0.5 }, 'only 50.0 %'],
    [
      'answers that are not in the database',
      driven(1_000),
      afterIssue({ all: 999, inWindow: 999 }, 1_000),
      '999 are in',
    ],
  ])('when a load has %s, then the rate does not hold', (_, run, after, reason) => {
    expect(judgeRequests(100, 10, run, after)).toMatchObject({ held: false, reason: expect.stringContaining(reason) });
  });

  it("when a coupon's answer came too late, then there may be more rows than answers", () => {
    expect(judgeRequests(100, 10, driven(1_000), afterIssue({ all: 1_001, inWindow: 1_001 }, 1_000)).held).toBe(true);
  });

  it.each([
    [{ pending: 1 }, '1 have no outcome'],
    [{ soldOut: 2 }, '2 were told sold out'],
    [{}, undefined],
  ])('when requests went by the log with %o, then their outcomes are judged', (change, wrong) => {
    const log = {
      requests: 1_000,
      issued: 1_000,
      soldOut: 0,
      pending: 0,
      decidedInWindow: 960,
      toDecided: latency,
      drainMs: 40,
      ...change,
    };
    const after = afterLog(log, 1_000);
    expect(after.confirmedShare).toBe(0.96);
    if (wrong) expect(after.wrong).toContain(wrong);
    else expect(after.wrong).toBeUndefined();
  });
});

describe('how the ranking follows', () => {
  it("when the ranking's lag is measured, then from each order's completion to the inbox row of its event", () => {
    const [first, second] = ['019ab1c2-0000-7000-8000-000000000001', '019ab1c2-0000-7000-8000-000000000002'] as const;
    const orders = [
      { id: first, at: new Date(1_000) },
      { id: second, at: new Date(1_010) },
    ];
    const inbox = new Map([[deriveEventId(first, 'order-completed'), 1_060]]);
    expect(compareTimes(orders, inbox)).toMatchObject({ orders: 2, counted: 1, firstAt: 1_060, lastAt: 1_060 });
    inbox.set(deriveEventId(second, 'order-completed'), 1_100);
    const { counted, lag, lastAt } = compareTimes(orders, inbox);
    expect([counted, Math.round(lag.max), lastAt]).toEqual([2, 90, 1_100]);
    // Another event of the same order does not count.
    expect(compareTimes(orders, new Map([[deriveEventId(first, 'order-created'), 1_060]])).counted).toBe(0);
  });
});

describe('the report of a load of requests', () => {
  const run = judgeRequests(100, 10, driven(990, { '503 SERVICE_UNAVAILABLE': 10 }), { facts: [['issued', '990']] });
  const result: RequestsResult = {
    command: 'npm run bench -- coupons',
    machine: {
      cores: 2,
      cpu: 'a CPU',
      memoryGb: 8,
      freeMemoryGb: 4,
      loadBefore: 0.1,
      node: 'v24',
      commit: 'abc',
      at: '2026-01-01',
    },
    target: 'a stack of its own',
    title: 'Issued',
    instances: 1,
    run,
    searched: true,
    trials: [summarizeRequests(run)],
    audit: { ok: false, orders: 0, records: 5, durationMs: 10, failed: ['coupons (1)'] },
    facts: [['backlog', '5000']],
  };
  const render = (each: RequestsResult) =>
    renderRequestsReport(
      { name: 'coupons', heading: 'Coupons under load', method: ['409 is right.'] },
      { loads: { each } },
    );

  it('when a load is reported, then offers, answers, failures and reasons, CPU users and the audit are listed', () => {
    const text = render(result);
    for (const words of [
      '# Coupons under load',
      '| Issued | 1 | 100 NOT HELD | **99** | 3.0 | 12 | 40 | 1.0 % | 5.0 % | 35 % | NOT CLEAN |',
      '10 × 503 SERVICE_UNAVAILABLE',
      '| issued | 990 |',
      '| backlog | 5000 |',
      'NOT clean: coupons (1)',
      '409 is right.',
    ])
      expect(text).toContain(words);
  });

  it('when no rate held, then the report says so', () => {
    expect(render({ ...result, run: undefined })).toContain('| Issued | 1 | none held |');
  });

  it('when a process has several instances, then all are counted', () => {
    expect(shareOf(run.cpu, /^gateway-/)).toBeCloseTo(7 / 20);
  });
});
