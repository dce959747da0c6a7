import type { AuditReport } from '../../ops/src/audit/run.ts';

/** The result of an audit, without the checks that found nothing. */
export interface Verdict {
  /** Nothing contradicts, and there was something to check. */
  readonly clean: boolean;
  /** NOTHING_TO_CHECK: no order and no message was in the scope. */
  readonly state: AuditReport['state'];
  /** Names of the checks that had nothing to check. */
  readonly unchecked: readonly string[];
  /** Names of the checks that could not be made: what they had found may still be there. */
  readonly notMade: readonly string[];
  readonly violations: readonly Violation[];
  /** Number of checks. */
  readonly checks: number;
  readonly notes: readonly string[];
  readonly orders: number;
  readonly records: number;
  readonly durationMs: number;
}

export interface Violation {
  /** Its number in ARCHITECTURE.md. */
  readonly invariant: number;
  readonly name: string;
  readonly title: string;
  readonly failed: number;
  readonly examples: readonly { readonly id: string; readonly detail: string }[];
}

export function verdictOf(report: AuditReport): Verdict {
  const { state, findings, notes, notMade, orders, records, durationMs } = report;
  return {
    clean: state === 'HOLDS',
    state,
    unchecked: findings.filter((finding) => finding.state === 'NOTHING_TO_CHECK').map(({ name }) => name),
    notMade,
    violations: findings
      .filter((finding) => finding.failed > 0)
      .map(({ invariant, name, title, failed, examples }) => ({
        invariant,
        name,
        title,
        failed,
        examples: examples.map(({ id, detail }) => ({ id, detail })),
      })),
    checks: findings.length,
    notes,
    orders,
    records,
    durationMs,
  };
}
