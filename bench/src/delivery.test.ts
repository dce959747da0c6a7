import { describe, expect, it } from '@jest/globals';
import { phases } from './delivery.ts';
import { renderDeliveryReport } from './delivery-report.ts';

const latency = { count: 1_000, p50: 17, p95: 39, p99: 80, max: 90 };
const orders = {
  rate: 500,
  seconds: 10,
  held: true,
  disturbed: false,
  failureShare: 0,
  load: {
    offered: 5_000,
    accepted: 5_000,
    failures: {},
    answer: latency,
    waited: latency,
    latestSendMs: 4,
    from: 0,
    to: 1,
  },
  sagas: {
    orders: 5_000,
    confirmedPerSecond: 490,
    completed: 5_000,
    cancelled: {},
    pending: 0,
    toCompleted: { ...latency, p50: 106 },
    drainMs: 0,
  },
  cpu: {
    processes: [{ name: 'order-1', cpuSeconds: 2, rssBytes: 0 }],
    othersSeconds: 1,
    idleSeconds: 17,
    wallSeconds: 10,
  },
};
const audit = { ok: true, orders: 10_000, records: 40_000, durationMs: 900, failed: [] };
const result = {
  command: 'npm run bench -- delivery',
  target: 'a stack of its own',
  machine: {
    cores: 2,
    cpu: 'a processor',
    memoryGb: 8,
    freeMemoryGb: 4,
    loadBefore: 0,
    node: 'v24',
    commit: 'abc',
    at: '',
  },
  instances: 1,
  runs: [
    { title: 'there', orders },
    { title: 'back', orders, backlog: { ends: 62_500, deliveredMs: 9_000 } },
  ],
  audit,
};

describe('the phases of the data platform', () => {
  it('when the stack was not started by the benchmark, then phases of the data platform are refused', () => {
    const processes = () => [{ name: 'data-platform-1', pid: process.pid }];
    expect(() => phases({ processes })).toThrow('not ours to stop');
  });

  it('when the platform hangs or is away, then its return follows', () => {
    const pause = async () => async () => {};
    const planned = phases({ pause, processes: () => [{ name: 'data-platform-1', pid: process.pid }] });
    expect(planned.map(({ isReturn }) => isReturn)).toEqual([false, false, true, false, true]);
  });
});

describe('the report of deliveries', () => {
  it('when results are reported, then each phase has a line, with the cost of an order', () => {
    const report = renderDeliveryReport({ results: { one: result } });
    expect(report).toContain('| there | 500 | 17 | 39 | 80 | 106 | 39 | 80 | 0.0 % |  | 0.40 | 5.0 % |');
    expect(report).toContain('62,500 missed, in 9.0 s');
    expect(report).toContain('10,000 orders, each end delivered once');
  });

  it('when an audit found faults, then the report says so', () => {
    const failed = { ...audit, ok: false, failed: ['ended-orders-are-delivered (3)'] };
    const report = renderDeliveryReport({ results: { one: { ...result, audit: failed } } });
    expect(report).toContain('NOT clean: ended-orders-are-delivered (3)');
  });
});
