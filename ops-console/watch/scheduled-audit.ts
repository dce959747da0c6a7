import type { Metrics } from '@shop/chassis';
import type { Audits } from '../audit/audits.ts';
import type { AuditTask } from '../audit/run-audit.ts';
import type { Verdict, Violation } from '../audit/verdict.ts';
import { foundTwice } from './found-twice.ts';

/** The invariants of ARCHITECTURE.md. */
const INVARIANTS = Array.from({ length: 12 }, (_, i) => String(i + 1));

/** After so long a second audit must find the same, ms: longer than a busy saga has a change on its way. */
const CONFIRM_MS = 60_000;

export interface ScheduledAuditOptions {
  readonly metrics: Pick<Metrics, 'counter' | 'gauge'>;
  readonly audits: Pick<Audits, 'inTurn'>;
  /** Orders and events that began earlier are left out, ms. Checks of whole tables read them all the same. */
  readonly sinceMs: number;
  /** Time between two audits, ms; 0 where there is no schedule. */
  readonly everyMs: number;
  readonly now: () => number;
  /** Rejects when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The last audit that was made to the end, in short. */
export interface LastAudit {
  readonly endedAt: Date;
  readonly state: Verdict['state'];
  /** How many violations it found, and earlier ones whose check it could not make. */
  readonly violations: number;
  /** Names of the checks that it could not make. */
  readonly notMade: readonly string[];
}

export interface ScheduledAudit {
  /** Audits what began lately. Rejects when the audit could not be made, or the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Takes an operator's audit into account. */
  note(task: Pick<AuditTask, 'since'>, verdict: Verdict): void;
  /** Undefined before the first. */
  shown(): LastAudit | undefined;
  /** Problems in words, for an operator: what is told as broken, and an audit that could not be made since. */
  problems(): string[];
}

const RUNBOOK = 'docs/runbooks/invariant-broken.md';

/**
 * Audits on a schedule, and tells what the last audit found, so that an alert can rest on it. Once something is found,
 * later audits look as far back as the one that found it: it must not leave their scope before it is mended. It stays
 * told until its check is made again and finds nothing.
 */
// One function: what was told and the scope that is kept change together with each verdict.
export function createScheduledAudit(options: ScheduledAuditOptions): ScheduledAudit {
  const { audits, sinceMs, now, wait } = options;
  const measures = createMeasures(options);
  /** The scope in which something was found, until an audit of it finds nothing. */
  let brokenSince: Date | undefined;
  let told: readonly Violation[] = [];
  let last: LastAudit | undefined;
  /** The last audit on schedule, if it could not be made. */
  let failure: { readonly at: Date; readonly why: string } | undefined;

  const sinceNow = () => earlier(brokenSince, new Date(now() - sinceMs));

  /** @returns the verdict with what was told before and was not looked at again */
  function take({ since }: Pick<AuditTask, 'since'>, verdict: Verdict): Verdict {
    const found = new Set(verdict.violations.map(({ name }) => name));
    // What a narrower audit does not find may still be there.
    const isNarrower = brokenSince !== undefined && since > brokenSince;
    const unseen = told.filter(({ name }) => !found.has(name) && (isNarrower || verdict.notMade.includes(name)));
    told = [...verdict.violations, ...unseen];
    brokenSince = told.length > 0 ? earlier(brokenSince, since) : undefined;
    measures.found(told);
    return { ...verdict, violations: told, ...(told.length > 0 && { state: 'BROKEN', clean: false }) };
  }

  async function auditTwice(signal: AbortSignal): Promise<{ since: Date; verdict: Verdict }> {
    const task = { since: sinceNow(), restMs: 0 };
    const first = await audits.inTurn(task);
    if (first.violations.length === 0) return { ...task, verdict: first };
    await wait(CONFIRM_MS, signal);
    return { ...task, verdict: foundTwice(first, await audits.inTurn(task)) };
  }

  return {
    shown: () => last,
    problems() {
      const found = (who: string, n: number) => `${who} found ${n} violations: ${RUNBOOK}`;
      const broken =
        last?.state === 'BROKEN'
          ? [found(`the audit of ${last.endedAt.toISOString()}`, last.violations)]
          : told.length > 0
            ? [found("an operator's audit", sumOf(told))]
            : [];
      const failed =
        failure && `the audit of ${failure.at.toISOString()} could not be made: ${failure.why}: ${RUNBOOK}`;
      return [...broken, ...(failed ? [failed] : [])];
    },
    note: (task, verdict) => void take(task, verdict),
    async run(signal) {
      try {
        const { since, verdict: found } = await auditTwice(signal);
        const verdict = take({ since }, found);
        const { state, violations, notMade } = verdict;
        last = { endedAt: new Date(now()), state, violations: sumOf(violations), notMade };
        failure = undefined;
        measures.ended(verdict, now());
      } catch (error) {
        measures.failed();
        // An audit that is broken off, since the console stops, is no problem of the shop.
        if (!signal.aborted)
          failure = { at: new Date(now()), why: error instanceof Error ? error.message : String(error) };
        throw error;
      }
    },
  };
}

function createMeasures({ metrics, everyMs }: Pick<ScheduledAuditOptions, 'metrics' | 'everyMs'>) {
  const runs = metrics.counter('audit_runs_total', 'Audits on schedule by result', ['result']);
  for (const result of ['holds', 'broken', 'nothing_to_check', 'failed']) runs.inc({ result }, 0);
  const findings = metrics.gauge('audit_findings', 'Violations that the last audit found, by invariant', ['invariant']);
  const endedAt = metrics.gauge(
    'audit_last_end_timestamp_seconds',
    'When the last audit that was made to the end ended, seconds since the epoch; 0 before the first',
  );
  const seconds = metrics.gauge('audit_duration_seconds', 'How long the last audit took');
  metrics.gauge('audit_interval_seconds', 'Time between two audits on schedule; 0: none').set(everyMs / 1_000);
  return {
    found(violations: readonly Violation[]): void {
      for (const invariant of INVARIANTS) findings.set({ invariant }, numberOf(violations, invariant));
    },
    ended(verdict: Verdict, at: number): void {
      runs.inc({ result: resultOf(verdict) });
      endedAt.set(at / 1_000);
      seconds.set(verdict.durationMs / 1_000);
    },
    failed: () => runs.inc({ result: 'failed' }),
  };
}

function earlier(one: Date | undefined, other: Date): Date {
  return one && one < other ? one : other;
}

function resultOf({ state }: Verdict): string {
  return { HOLDS: 'holds', BROKEN: 'broken', NOTHING_TO_CHECK: 'nothing_to_check' }[state];
}

function numberOf(violations: readonly Violation[], invariant: string): number {
  return sumOf(violations.filter((violation) => String(violation.invariant) === invariant));
}

function sumOf(violations: readonly Violation[]): number {
  return violations.reduce((sum, { failed }) => sum + failed, 0);
}
