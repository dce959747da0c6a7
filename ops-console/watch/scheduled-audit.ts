import type { Metrics } from '@shop/chassis';
import type { Audits } from '../audit/audits.ts';
import type { Verdict } from '../audit/verdict.ts';

/** The invariants of ARCHITECTURE.md. */
const INVARIANTS = Array.from({ length: 12 }, (_, i) => String(i + 1));

export interface ScheduledAuditOptions {
  readonly metrics: Pick<Metrics, 'counter' | 'gauge'>;
  readonly audits: Pick<Audits, 'inTurn'>;
  /** What began earlier is left out, ms: it bounds what an audit reads. */
  readonly sinceMs: number;
  readonly now: () => number;
}

/** The last audit that was made to the end, in short. */
export interface LastAudit {
  readonly endedAt: Date;
  readonly state: Verdict['state'];
  /** How many violations it found. */
  readonly violations: number;
}

export interface ScheduledAudit {
  /** Audits what began lately. Rejects when the audit could not be made. */
  run(): Promise<void>;
  /** Undefined before the first. */
  shown(): LastAudit | undefined;
}

/** Audits on a schedule, and tells what the last audit found, so that an alert can rest on it. */
export function createScheduledAudit({ metrics, audits, sinceMs, now }: ScheduledAuditOptions): ScheduledAudit {
  const runs = metrics.counter('audit_runs_total', 'Audits on schedule by result', ['result']);
  for (const result of ['holds', 'broken', 'nothing_to_check', 'failed']) runs.inc({ result }, 0);
  const findings = metrics.gauge('audit_findings', 'Violations that the last audit found, by invariant', ['invariant']);
  const endedAt = metrics.gauge(
    'audit_last_end_timestamp_seconds',
    'When the last audit that was made to the end ended, seconds since the epoch; 0 before the first',
  );
  const seconds = metrics.gauge('audit_duration_seconds', 'How long the last audit took');
  let last: LastAudit | undefined;

  return {
    shown: () => last,
    async run() {
      try {
        const verdict = await audits.inTurn({ since: new Date(now() - sinceMs), restMs: 0 });
        const { state, violations } = verdict;
        last = { endedAt: new Date(now()), state, violations: violations.reduce((sum, { failed }) => sum + failed, 0) };
        runs.inc({ result: resultOf(verdict) });
        for (const invariant of INVARIANTS) findings.set({ invariant }, violationsOf(verdict, invariant));
        endedAt.set(now() / 1_000);
        seconds.set(verdict.durationMs / 1_000);
      } catch (error) {
        runs.inc({ result: 'failed' });
        throw error;
      }
    },
  };
}

function resultOf({ state }: Verdict): string {
  return { HOLDS: 'holds', BROKEN: 'broken', NOTHING_TO_CHECK: 'nothing_to_check' }[state];
}

function violationsOf({ violations }: Verdict, invariant: string): number {
  return violations
    .filter((violation) => String(violation.invariant) === invariant)
    .reduce((sum, { failed }) => sum + failed, 0);
}
