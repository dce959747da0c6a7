import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { AuditReport } from '../../ops/src/audit/index.ts';
import type { IdleLatency } from './idle-latency.ts';
import type { Machine } from './machine.ts';
import type { OrdersRun } from './orders.ts';
import { othersShare } from './processes.ts';

/** Details kept with every measurement. */
export interface Measurement {
  readonly command: string;
  readonly machine: Machine;
  readonly target: string;
  /** True when the database keeps a binary log; missing in results from before this option. */
  readonly binlog?: boolean;
}

export interface OrdersResult extends Measurement {
  readonly profile: string;
  readonly title: string;
  readonly instances: number;
  /** The highest rate that held, or the requested one. */
  readonly run: OrdersRun | undefined;
  readonly searched: boolean;
  readonly trials: readonly TrialSummary[];
  readonly audit: AuditSummary;
}

/** A rate that was tried. */
export interface TrialSummary {
  readonly rate: number;
  readonly held: boolean;
  readonly reason?: string;
  /** Orders completed within the window, a second. */
  readonly confirmedPerSecond: number;
  readonly answerP95Ms: number;
  /** Share of the processors used by other work than the benchmark's. */
  readonly othersShare: number;
}

export function summarizeTrial({ rate, held, reason, sagas, load, cpu }: OrdersRun): TrialSummary {
  return {
    rate,
    held,
    ...(reason !== undefined && { reason }),
    confirmedPerSecond: sagas.confirmedPerSecond,
    answerP95Ms: load.answer.p95,
    othersShare: othersShare(cpu),
  };
}

export interface AuditSummary {
  readonly ok: boolean;
  readonly orders: number;
  readonly records: number;
  readonly durationMs: number;
  readonly failed: readonly string[];
}

export interface LatencyResult extends Measurement {
  readonly instances: number;
  readonly latency: IdleLatency;
}

/** All measured results, the last of each kind. */
export interface Results {
  readonly orders: Record<string, OrdersResult>;
  readonly latency: Record<string, LatencyResult>;
}

const FOLDER = resolve(import.meta.dirname, '../../docs/reports');

/**
 * Keeps the results of one report: `<name>.json` has the figures, and `<name>.md` is rendered from them.
 * @returns the report's path
 */
export function keepAs<R>(name: string, none: R, change: (results: R) => void, render: (results: R) => string): string {
  const file = join(FOLDER, `${name}.json`);
  const results: R = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as R) : none;
  change(results);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  const report = join(FOLDER, `${name}.md`);
  writeFileSync(report, render(results));
  return report;
}

export function summarizeAudit({ state, orders, records, durationMs, findings }: AuditReport): AuditSummary {
  const found = findings.filter((it) => it.failed > 0).map((it) => `${it.name} (${it.failed})`);
  return {
    // After a load there was something to check: an audit that saw nothing looked at something else.
    ok: state === 'HOLDS',
    orders,
    records,
    durationMs,
    failed: state === 'NOTHING_TO_CHECK' ? ['there was nothing to check'] : found,
  };
}
