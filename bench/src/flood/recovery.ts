import { percentileOf } from './percentiles.ts';
import type { StepResult } from './plan.ts';
import type { Window } from './tally.ts';

/** Least share of right answers in a normal second. */
const RIGHT_SHARE = 0.99;
/** A normal second's p95 is below this multiple of the p95 of the step at the held rate. */
const NORMAL_FACTOR = 2;

/**
 * The first second from which every later one is normal: almost all answers right, with a p95 below twice that of the
 * base step.
 * @param baseP95Ms p95 of the base step's answers
 * @returns seconds from the windows' start; undefined when the last second is not normal
 */
export function normalFrom(windows: readonly Window[], baseP95Ms: number): number | undefined {
  const isNormal = ({ offered, right, p95 }: Window) =>
    right >= offered * RIGHT_SHARE && (right === 0 || p95 < baseP95Ms * NORMAL_FACTOR);
  const lastBad = windows.findLastIndex((window) => !isNormal(window));
  return lastBad === windows.length - 1 && windows.length > 0 ? undefined : lastBad + 1;
}

/** The same for all kinds of a mix: the slowest kind counts. */
export function recoveredAfter(
  { kinds }: Pick<StepResult, 'kinds'>,
  base: Pick<StepResult, 'kinds'>,
): number | undefined {
  let latest = 0;
  for (const [name, { windows }] of Object.entries(kinds)) {
    const from = normalFrom(windows, base.kinds[name]?.served.p95 ?? 0);
    if (from === undefined) return undefined;
    latest = Math.max(latest, from);
  }
  return latest;
}

/**
 * The same for completions: the second from which orders completed in normal time again.
 * @param rows when each order was placed, ms since the epoch, and its time to completion, ms; -1 for an order that did
 * not complete
 */
export function completionNormalFrom(
  rows: readonly { readonly at: number; readonly ms: number }[],
  from: number,
  seconds: number,
  baseP95Ms: number,
): number | undefined {
  const bySecond: { offered: number; served: number[] }[] = Array.from({ length: seconds }, () => ({
    offered: 0,
    served: [],
  }));
  for (const { at, ms } of rows) {
    const second = bySecond[Math.floor((at - from) / 1_000)];
    if (!second) continue;
    second.offered++;
    if (ms >= 0) second.served.push(ms);
  }
  const windows = bySecond.map(({ offered, served }): Window => {
    served.sort((a, b) => a - b);
    return {
      offered,
      right: served.length,
      refused: 0,
      p50: percentileOf(served, 0.5),
      p95: percentileOf(served, 0.95),
      p99: percentileOf(served, 0.99),
    };
  });
  return normalFrom(windows, baseP95Ms);
}
