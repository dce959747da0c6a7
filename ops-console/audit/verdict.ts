import type { AuditReport } from '../../ops/src/audit/run.ts';

/** The result of an audit, without the checks that found nothing. */
export interface Verdict {
  readonly clean: boolean;
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
  const { ok, findings, notes, orders, records, durationMs } = report;
  return {
    clean: ok,
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
