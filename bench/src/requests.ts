import type { Driven } from './drive.ts';
import type { LoadResult } from './plan.ts';
import { type CpuUse, othersShare } from './processes.ts';
import { DISTURBED_SHARE, type Trial, whyNotHeld } from './search.ts';

/** A further measurement, for the report. */
export type Fact = readonly [name: string, value: string];

/** One load of requests at one rate. */
export interface RequestsRun extends Trial {
  readonly seconds: number;
  readonly load: LoadResult;
  readonly cpu: CpuUse;
  /** Share of wrong answers among all offered. */
  readonly failureShare: number;
  readonly facts: readonly Fact[];
}

export interface Aftermath {
  readonly facts?: readonly Fact[];
  /** For work that continues after the answer: the share done within the window. */
  readonly confirmedShare?: number;
  /** Time from the window's end to the end of that work, ms. */
  readonly drainMs?: number;
  /** A fault at any rate: answers that the database does not confirm. */
  readonly wrong?: string | undefined;
}

/** @param rate requested @param seconds requested */
export function judgeRequests(
  rate: number,
  seconds: number,
  { load, cpu }: Driven,
  after: Aftermath = {},
): RequestsRun {
  const { facts = [], wrong, ...backlog } = after;
  const failureShare = load.offered > 0 ? (load.offered - load.accepted) / load.offered : 1;
  const reason = wrong ?? whyNotHeld({ failureShare, answerP95Ms: load.answer.p95, ...backlog });
  return {
    rate,
    seconds,
    load,
    cpu,
    failureShare,
    facts,
    held: reason === undefined,
    disturbed: othersShare(cpu) > DISTURBED_SHARE,
    ...(reason !== undefined && { reason }),
  };
}

export function inOneLine({ rate, seconds, load, facts, held, reason }: RequestsRun): string {
  const right = `${Math.round(load.accepted / seconds)} right answers/s`;
  const answer = `p50 ${load.answer.p50.toFixed(1)} p95 ${load.answer.p95.toFixed(1)} p99 ${load.answer.p99.toFixed(1)} ms`;
  const more = facts.map(([name, value]) => `, ${name} ${value}`).join('');
  return `${rate}/s: ${right}, ${answer}${more}: ${held ? 'held' : `not held, ${reason}`}`;
}
