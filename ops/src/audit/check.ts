import type { SqlReader } from '../sql.ts';

/** A contradiction to an invariant, suspected until a second look confirms it. */
export interface Suspect {
  /** Id of the order, product, account, event …, for an operator to look up. */
  readonly id: string;
  readonly detail: string;
  /**
   * The dead letters that explain it, by `letterName`, if all of them are there. Absent: no letter can, e.g. where a
   * single transaction writes all that it is about.
   */
  readonly waitsFor?: readonly string[];
}

export interface CheckResult {
  /** Number of things checked. */
  readonly checked: number;
  readonly suspects: readonly Suspect[];
  /** Number of things still on their way, e.g. events in the outbox. They will be right without help. */
  readonly underway?: number;
}

/** How long an order may be PENDING after its deadline: until the sweeper has noticed it, ms. */
export const SWEEP_MS = 5_000;

/** The scope of a check. */
export interface AuditScope {
  /** Anything that began before this moment is left out. */
  readonly since: Date | undefined;
  /** The least order id of that moment (UUIDv7: ids sort by time); empty when there is no limit. */
  readonly firstOrderId: string;
  /** How long an order may be PENDING, ms, including the time until the sweeper notices. */
  readonly deadlineMs: number;
}

/** A statement that is true of an idle system, and how to find contradictions to it. */
export interface Check {
  /** Its number in ARCHITECTURE.md. */
  readonly invariant: number;
  /** Short and stable, for scripts. */
  readonly name: string;
  readonly title: string;
  run(reader: SqlReader, scope: AuditScope): Promise<CheckResult>;
}

/** The result of one check. */
export interface Finding {
  readonly invariant: number;
  readonly name: string;
  readonly title: string;
  readonly checked: number;
  /** NOTHING_TO_CHECK: there was nothing in its scope, so it says nothing. */
  readonly state: 'HOLDS' | 'BROKEN' | 'NOTHING_TO_CHECK';
  /** Number of contradictions; on a live system those found twice. */
  readonly failed: number;
  readonly examples: readonly Suspect[];
  /** Number of contradictions explained by a dead letter in front of them. */
  readonly parked: number;
  readonly parkedExamples: readonly Suspect[];
  readonly underway: number;
}

/** A group's letters of one key, and what is parked behind them. Keys of different kinds may be alike. */
export function letterName(group: string, key: string): string {
  return `${group} ${key}`;
}

/** Most suspects kept for a check; more would tell nothing new. */
export const MAX_SUSPECTS = 10_000;

/**
 * A check of two statements: `counted` gives one number, `faults` gives rows of (id, detail, waits_for?). `waits_for`
 * are the groups, with commas between, in whose dead letters the order `id` must wait to explain the fault. Both may
 * use `:since`, a date, and `:first`, an order id.
 */
export function sqlCheck(check: {
  invariant: number;
  name: string;
  title: string;
  counted: string;
  faults: string;
}): Check {
  return {
    invariant: check.invariant,
    name: check.name,
    title: check.title,
    async run(reader, scope) {
      const counted = bind(check.counted, scope);
      const faults = bind(`${check.faults} LIMIT ${MAX_SUSPECTS}`, scope);
      const [row] = await reader.query<{ counted: number }>(counted.sql, counted.params);
      const suspects = await reader.query<{ id: string | number; detail: string; waits_for?: string | null }>(
        faults.sql,
        faults.params,
      );
      return {
        checked: row?.counted ?? 0,
        suspects: suspects.map(({ id, detail, waits_for }) => ({
          id: String(id),
          detail,
          ...(waits_for && { waitsFor: waits_for.split(',').map((group) => letterName(group, String(id))) }),
        })),
      };
    },
  };
}

function bind(sql: string, scope: AuditScope): { sql: string; params: (string | number | Date)[] } {
  const values = { since: scope.since ?? new Date(0), first: scope.firstOrderId, deadline: scope.deadlineMs * 1_000 };
  const params: (string | number | Date)[] = [];
  const text = sql.replaceAll(/:(since|first|deadline)\b/g, (_, name: keyof typeof values) => {
    params.push(values[name]);
    return '?';
  });
  return { sql: text, params };
}

/** The least UUIDv7 of a moment. */
export function firstIdAt(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The moment in a UUIDv7's first 48 bits. */
export function timeOfId(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}
