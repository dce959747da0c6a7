import { describe, expect, it } from '@jest/globals';
import { verdictOf as shownByConsole } from '../../../ops-console/audit/verdict.ts';
import { finding } from './findings.ts';
import { renderAudit } from './report.ts';
import type { AuditReport } from './run.ts';

const CHECK = { invariant: 4, name: 'orders-are-paid', title: 'a completed order is paid' };
const NOTHING = finding(CHECK, { checked: 0, suspects: [] }, new Set());
const GOOD = finding(CHECK, { checked: 3, suspects: [] }, new Set());
const BAD = finding(CHECK, { checked: 3, suspects: [{ id: '1', detail: 'unpaid' }] }, new Set());

const report = (state: AuditReport['state'], findings: AuditReport['findings'], notes: string[] = []): AuditReport => ({
  state,
  ok: state !== 'BROKEN',
  findings,
  notes,
  notMade: [],
  orders: state === 'NOTHING_TO_CHECK' ? 0 : 3,
  records: 0,
  durationMs: 1,
});

describe('a check', () => {
  it('when it looked at nothing, then it says so and is not ok', () => {
    expect([NOTHING.state, GOOD.state, BAD.state]).toEqual(['NOTHING_TO_CHECK', 'HOLDS', 'BROKEN']);
    expect(renderAudit(report('HOLDS', [NOTHING]))).toMatch(/^none .*0 checked/);
    expect(renderAudit(report('HOLDS', [NOTHING]))).not.toMatch(/^ok/);
  });

  it('when all it found waits behind a dead letter, then it looked at something', () => {
    const parked = { checked: 0, suspects: [{ id: '1', waitsFor: ['k'], detail: 'waits' }] };
    expect(finding(CHECK, parked, new Set(['k'])).state).toBe('HOLDS');
  });
});

describe('the verdict of an audit', () => {
  const last = (of: AuditReport) => renderAudit(of).split('\n').at(-1);

  it('when there was nothing to check, then no invariant is said to hold, in the command line and in the console', () => {
    const empty = report('NOTHING_TO_CHECK', [NOTHING]);
    expect(last(empty)).toMatch(/^NOTHING TO CHECK: there is no order and no message/);
    expect(shownByConsole(empty)).toMatchObject({ clean: false, state: 'NOTHING_TO_CHECK', violations: [] });
  });

  it('when some checks had nothing to check, then it counts them', () => {
    expect(last(report('HOLDS', [GOOD, NOTHING]))).toMatch(/^what was checked holds; 1 of 2 checks had nothing/);
    expect(shownByConsole(report('HOLDS', [GOOD, NOTHING]))).toMatchObject({
      clean: true,
      unchecked: ['orders-are-paid'],
    });
  });

  it('when a part could not be compared, then it points to the notes', () => {
    const away = ['the sorted sets were not compared: Redis is away'];
    expect(last(report('HOLDS', [GOOD], away))).toMatch(/^every invariant holds, as far as the notes say/);
    expect(last(report('HOLDS', [GOOD]))).toMatch(/^every invariant holds; 3 orders/);
  });

  it('when a check could not be made, then the console names it', () => {
    const without = { ...report('HOLDS', [GOOD], ['Redis is away']), notMade: ['door-knows-the-coupons'] };
    expect(shownByConsole(without)).toMatchObject({ notMade: ['door-knows-the-coupons'] });
  });

  it('when a check found something, then that is the verdict, whatever else was not checked', () => {
    expect(last(report('BROKEN', [NOTHING, BAD], ['a note']))).toMatch(/^1 of 2 checks found something/);
  });
});
