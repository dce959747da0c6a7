import { expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import type { Verdict } from '../audit/verdict.ts';
import { createScheduledAudit } from './scheduled-audit.ts';

const HOLDS: Verdict = {
  ...{ clean: true, state: 'HOLDS', unchecked: [], violations: [], checks: 40, notes: [] },
  ...{ orders: 3, records: 9, durationMs: 1_500 },
};
const violation = { name: 'balance', title: 'Balances', examples: [] };
const BROKEN: Verdict = {
  ...HOLDS,
  clean: false,
  state: 'BROKEN',
  violations: [
    { ...violation, invariant: 2, failed: 3 },
    { ...violation, invariant: 2, failed: 1 },
  ],
};

function scheduled(verdicts: (Verdict | Error)[]) {
  const metrics = createMetrics({ defaults: false });
  const since: Date[] = [];
  const audit = createScheduledAudit({
    metrics,
    sinceMs: 7_200_000,
    now: () => 10_000_000,
    audits: {
      async inTurn(task) {
        since.push(task.since);
        const verdict = verdicts.shift();
        if (!verdict || verdict instanceof Error) throw verdict ?? new Error('no more');
        return verdict;
      },
    },
  });
  return { audit, since, text: () => metrics.render() };
}

it('when an audit finds violations, then they are told by invariant until one finds none', async () => {
  const { audit, since, text } = scheduled([BROKEN, HOLDS]);
  await audit.run();
  expect(since).toEqual([new Date(2_800_000)]);
  const broken = await text();
  expect(broken).toContain('audit_findings{invariant="2"} 4');
  expect(broken).toContain('audit_findings{invariant="1"} 0');
  expect(broken).toContain('audit_runs_total{result="broken"} 1');
  expect(audit.shown()).toEqual({ endedAt: new Date(10_000_000), state: 'BROKEN', violations: 4 });
  await audit.run();
  expect(await text()).toContain('audit_findings{invariant="2"} 0');
});

it('when an audit cannot be made, then that is counted, and what the last one found stays with its time', async () => {
  const { audit, text } = scheduled([BROKEN, new Error('Kafka is away')]);
  expect(await text()).toContain('audit_last_end_timestamp_seconds 0');
  await audit.run();
  await expect(audit.run()).rejects.toThrow('Kafka is away');
  const after = await text();
  expect(after).toContain('audit_runs_total{result="failed"} 1');
  expect(after).toContain('audit_findings{invariant="2"} 4');
  expect(after).toContain('audit_last_end_timestamp_seconds 10000');
});
