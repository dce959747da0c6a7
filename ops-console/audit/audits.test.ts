import { expect, it } from '@jest/globals';
import { readAddresses } from '../../ops/src/addresses.ts';
import { createAudits } from './audits.ts';
import { type AuditTask, forThread, type RunAudit } from './run-audit.ts';
import type { Verdict } from './verdict.ts';

const CLEAN: Verdict = {
  clean: true,
  state: 'HOLDS',
  unchecked: [],
  notMade: [],
  violations: [],
  checks: 1,
  notes: [],
  orders: 0,
  records: 0,
  durationMs: 1,
};
const TASK = { since: new Date(0), restMs: 0 };
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Audits that end when the test ends them. */
function held(ended?: (task: AuditTask, verdict: Verdict) => void) {
  const ends: ((verdict: Verdict | Error) => void)[] = [];
  const run: RunAudit = (_, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('broken off')));
      ends.push((verdict) => (verdict instanceof Error ? reject(verdict) : resolve(verdict)));
    });
  let id = 0;
  return { ends, audits: createAudits({ run, newId: () => `audit-${++id}`, ...(ended && { ended }) }) };
}

it('when an audit is running, then another is refused with its id, until it has ended', async () => {
  const { audits, ends } = held();
  const { auditId } = audits.begin(TASK);
  expect(() => audits.begin(TASK)).toThrow(expect.objectContaining({ code: 'AUDIT_RUNNING', extra: { auditId } }));
  await settled();
  ends[0]?.(CLEAN);
  await settled();
  expect(audits.find(auditId)).toEqual({ auditId, since: TASK.since.toISOString(), state: 'DONE', verdict: CLEAN });
  expect(audits.begin(TASK).state).toBe('RUNNING');
});

it('when a rush wants an audit while another is running, then it waits its turn, however the other ends', async () => {
  const { audits, ends } = held();
  const { auditId } = audits.begin(TASK);
  const ofRush = audits.inTurn(TASK);
  await settled();
  expect(ends).toHaveLength(1);
  ends[0]?.(new Error('Kafka is away'));
  await settled();
  expect(audits.find(auditId)).toMatchObject({ state: 'FAILED', error: 'Kafka is away' });
  expect(ends).toHaveLength(2);
  expect(() => audits.begin(TASK)).toThrow(expect.objectContaining({ extra: { auditId: 'audit-2' } }));
  expect(audits.find('audit-2')).toMatchObject({ state: 'RUNNING' });
  ends[1]?.(CLEAN);
  expect(await ofRush).toEqual(CLEAN);
  expect(audits.find('audit-2')).toMatchObject({ state: 'DONE', verdict: CLEAN });
});

it('when the console stops, then the running audit is aborted', async () => {
  const { audits } = held();
  const { auditId } = audits.begin(TASK);
  await settled();
  await audits.stop();
  await settled();
  expect(audits.find(auditId)).toMatchObject({ state: 'FAILED', error: 'broken off' });
});

it('when there were many audits, then the oldest are forgotten', async () => {
  const { audits, ends } = held();
  const first = audits.begin(TASK);
  for (let i = 0; i < 20; i++) {
    await settled();
    ends[i]?.(CLEAN);
    await settled();
    audits.begin(TASK);
  }
  expect(audits.find(first.auditId)).toBeUndefined();
  expect(audits.find('audit-2')?.state).toBe('DONE');
});

it("when an operator's audit has a verdict, then it is told; one in turn, or a failed one, is not", async () => {
  const told: unknown[] = [];
  const { audits, ends } = held((task, verdict) => told.push([task, verdict]));
  audits.begin(TASK);
  await settled();
  ends[0]?.(CLEAN);
  await settled();
  const inTurn = audits.inTurn(TASK);
  await settled();
  ends[1]?.(CLEAN);
  await inTurn;
  audits.begin(TASK);
  await settled();
  ends[2]?.(new Error('Kafka is away'));
  await settled();
  expect(told).toEqual([[TASK, CLEAN]]);
});

it('when a thread is given the addresses that the console has read, then they can be copied into it', () => {
  const given = forThread(readAddresses({}));
  expect(structuredClone(given)).toEqual(given);
});

it('when an audit waits for its turn as another ends, then a third is refused with its id', async () => {
  const { audits, ends } = held();
  const ofRush = audits.inTurn(TASK);
  await settled();
  const scheduled = audits.inTurn(TASK);
  ends[0]?.(CLEAN);
  await ofRush;
  expect(() => audits.begin(TASK)).toThrow(expect.objectContaining({ extra: { auditId: 'audit-2' } }));
  await settled();
  ends[1]?.(CLEAN);
  await scheduled;
  await settled();
  expect(audits.begin(TASK).state).toBe('RUNNING');
});
