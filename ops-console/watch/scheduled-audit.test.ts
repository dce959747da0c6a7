import { expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import type { AuditTask } from '../audit/run-audit.ts';
import type { Verdict } from '../audit/verdict.ts';
import { createScheduledAudit } from './scheduled-audit.ts';

const HOLDS: Verdict = {
  ...{ clean: true, state: 'HOLDS', unchecked: [], notMade: [], violations: [], checks: 40, notes: [] },
  ...{ orders: 3, records: 9, durationMs: 1_500 },
};
const violation = { name: 'balance', title: 'Balances', examples: [] };
const BROKEN: Verdict = {
  ...HOLDS,
  clean: false,
  state: 'BROKEN',
  violations: [
    { ...violation, invariant: 2, failed: 3 },
    { ...violation, name: 'money', invariant: 2, failed: 1 },
  ],
};
/** These orders contradict. */
const late = (...ids: string[]): Verdict => ({
  ...BROKEN,
  violations: [
    { ...violation, invariant: 4, failed: ids.length, examples: ids.map((id) => ({ id, detail: 'on its way' })) },
  ],
});

const SINCE_MS = 7_200_000;
const { signal } = new AbortController();

function scheduled(verdicts: (Verdict | Error)[]) {
  const metrics = createMetrics({ defaults: false });
  const times = { now: 10_000_000 };
  const since: number[] = [];
  const waits: number[] = [];
  const inTurn = async (task: AuditTask) => {
    since.push(task.since.getTime());
    const verdict = verdicts.shift();
    if (!verdict || verdict instanceof Error) throw verdict ?? new Error('no more');
    return verdict;
  };
  const audit = createScheduledAudit({
    ...{ metrics, audits: { inTurn }, sinceMs: SINCE_MS, everyMs: 900_000, now: () => times.now },
    wait: async (ms) => void waits.push(ms),
  });
  const found = async (invariant: number) => {
    const start = `audit_findings{invariant="${invariant}"} `;
    const line = (await metrics.render()).split('\n').find((each) => each.startsWith(start));
    return line?.slice(start.length);
  };
  return { audit, times, since, waits, found, text: () => metrics.render() };
}

it('when two audits, a minute apart, find violations, then they are told by invariant until one finds none', async () => {
  const { audit, waits, found, text } = scheduled([BROKEN, BROKEN, HOLDS]);
  await audit.run(signal);
  expect(waits).toEqual([60_000]);
  expect([await found(1), await found(2)]).toEqual(['0', '4']);
  expect(await text()).toContain('audit_runs_total{result="broken"} 1');
  expect(audit.shown()).toEqual({ endedAt: new Date(10_000_000), state: 'BROKEN', violations: 4, notMade: [] });
  await audit.run(signal);
  expect(await found(2)).toBe('0');
});

it('when the second audit finds others on their way, or none, then nothing is told', async () => {
  const { audit, found } = scheduled([late('a', 'b'), late('c'), BROKEN, HOLDS]);
  await audit.run(signal);
  expect(audit.shown()).toMatchObject({ state: 'HOLDS', violations: 0 });
  await audit.run(signal);
  expect([await found(2), await found(4)]).toEqual(['0', '0']);
});

it('when some are in both audits, then only these are told', async () => {
  const { audit, found } = scheduled([late('a', 'b', 'c'), late('b', 'd')]);
  await audit.run(signal);
  expect(await found(4)).toBe('1');
});

it('when something is broken, then audits keep looking as far back as the one that found it', async () => {
  const { audit, times, since } = scheduled([BROKEN, BROKEN, BROKEN, BROKEN, HOLDS, HOLDS]);
  const first = times.now - SINCE_MS;
  await audit.run(signal);
  times.now += 3 * SINCE_MS;
  await audit.run(signal);
  await audit.run(signal);
  await audit.run(signal);
  expect(since).toEqual([first, first, first, first, first, times.now - SINCE_MS]);
});

it('when the last audit found something, or could not be made, then somebody should look, until one holds', async () => {
  const { audit, times } = scheduled([BROKEN, BROKEN, new Error('Kafka is away'), HOLDS]);
  expect(audit.problems()).toEqual([]);
  await audit.run(signal);
  const broken = 'the audit of 1970-01-01T02:46:40.000Z found 4 violations: docs/runbooks/invariant-broken.md';
  expect(audit.problems()).toEqual([broken]);
  times.now += 1_000;
  await expect(audit.run(signal)).rejects.toThrow('Kafka is away');
  const failed =
    'the audit of 1970-01-01T02:46:41.000Z could not be made: Kafka is away: docs/runbooks/invariant-broken.md';
  expect(audit.problems()).toEqual([broken, failed]);
  await audit.run(signal);
  expect(audit.problems()).toEqual([]);
});

it('when the console stops during an audit, then that is no problem of the shop', async () => {
  const { audit } = scheduled([new Error('broken off')]);
  await expect(audit.run(AbortSignal.abort())).rejects.toThrow('broken off');
  expect(audit.problems()).toEqual([]);
});

it('when an operator audits, then what is found is told, and a clean audit counts if it looked as far back', async () => {
  const { audit, times, since, found } = scheduled([BROKEN, BROKEN]);
  const early = new Date(times.now - 5 * SINCE_MS);
  audit.note({ since: early }, BROKEN);
  expect(await found(2)).toBe('4');
  audit.note({ since: new Date(times.now - 60_000) }, HOLDS);
  expect(await found(2)).toBe('4');
  await audit.run(signal);
  expect(since).toEqual([early.getTime(), early.getTime()]);
  audit.note({ since: early }, HOLDS);
  expect(await found(2)).toBe('0');
});

/** Redis is away: the check of balances could not be made. */
const AWAY: Verdict = { ...HOLDS, notMade: ['balance'], notes: ['balances were not compared with Redis'] };

it('when the check that found something cannot be made, then it stays told, until that check finds nothing', async () => {
  const { audit, times, since, found, text } = scheduled([BROKEN, BROKEN, AWAY, HOLDS, HOLDS]);
  const first = times.now - SINCE_MS;
  await audit.run(signal);
  times.now += 3 * SINCE_MS;
  await audit.run(signal);
  expect(await found(2)).toBe('3');
  expect(audit.shown()).toMatchObject({ state: 'BROKEN', violations: 3, notMade: ['balance'] });
  expect(await text()).toContain('audit_runs_total{result="broken"} 2');
  await audit.run(signal);
  expect(await found(2)).toBe('0');
  expect(audit.shown()).toMatchObject({ state: 'HOLDS', violations: 0, notMade: [] });
  await audit.run(signal);
  expect(since.slice(2)).toEqual([first, first, times.now - SINCE_MS]);
});

it('when the second audit could not make the check that found something, then it is told', async () => {
  const { audit, found } = scheduled([BROKEN, AWAY]);
  await audit.run(signal);
  expect(await found(2)).toBe('3');
  expect(audit.shown()).toMatchObject({ state: 'BROKEN', violations: 3 });
});

it('when not every check could be made and nothing was found, then what was not looked at is named', async () => {
  const { audit, found } = scheduled([AWAY]);
  await audit.run(signal);
  expect(audit.shown()).toMatchObject({ state: 'HOLDS', violations: 0, notMade: ['balance'] });
  expect(await found(2)).toBe('0');
});

it('when a narrower audit finds something else, then both are told', async () => {
  const { audit, times, found } = scheduled([BROKEN, BROKEN]);
  await audit.run(signal);
  audit.note(
    { since: new Date(times.now) },
    { ...BROKEN, violations: [{ ...violation, name: 'door', invariant: 7, failed: 2 }] },
  );
  expect([await found(2), await found(7)]).toEqual(['4', '2']);
});

it('when an audit cannot be made, then that is counted, and what the last one found stays with its time', async () => {
  const { audit, found, text } = scheduled([BROKEN, BROKEN, new Error('Kafka is away')]);
  expect(await text()).toContain('audit_last_end_timestamp_seconds 0');
  expect(await text()).toContain('audit_interval_seconds 900');
  await audit.run(signal);
  await expect(audit.run(signal)).rejects.toThrow('Kafka is away');
  expect(await text()).toContain('audit_runs_total{result="failed"} 1');
  expect(await found(2)).toBe('4');
  expect(await text()).toContain('audit_last_end_timestamp_seconds 10000');
});
