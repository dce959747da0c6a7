/** The result of one run at one rate, for the search. */
export interface Trial {
  readonly rate: number;
  readonly held: boolean;
  /** Why the rate did not hold, in words. */
  readonly reason?: string;
  /** True when others used so much of the machine that a failure says little. */
  readonly disturbed?: boolean;
}

/** Limits that a held rate must keep. */
export interface Limits {
  /** Share of unsuccessful answers and uncompleted orders among all offered. */
  readonly failureShare: number;
  readonly answerP95Ms: number;
  /** Time from the last request to the end of the last order. */
  readonly drainMs: number;
  /** Share of the offered orders completed in the window; less means that a queue grew. */
  readonly confirmedShare: number;
}

export const LIMITS: Limits = { failureShare: 0.01, answerP95Ms: 200, drainMs: 3_000, confirmedShare: 0.95 };

/** Lead-in at the same rate before a window, not counted, s. */
export const WARMUP_SECONDS = 5;
/** Other work's share of the processors from which a failed rate is tried more often. */
export const DISTURBED_SHARE = 0.15;
/** How long the backlog of an excessive rate may take to drain, ms. */
export const DRAIN_LIMIT_MS = 120_000;

/** Why a run did not hold; undefined when it did. A load whose work ends with the answer has no backlog to drain. */
export function whyNotHeld(
  run: { failureShare: number; answerP95Ms: number; drainMs?: number; confirmedShare?: number },
  limits: Limits = LIMITS,
): string | undefined {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  if (run.failureShare >= limits.failureShare) return `${percent(run.failureShare)} failed`;
  if (run.answerP95Ms >= limits.answerP95Ms) return `p95 of the answer ${Math.round(run.answerP95Ms)} ms`;
  const { confirmedShare = 1, drainMs = 0 } = run;
  if (confirmedShare < limits.confirmedShare)
    return `only ${percent(confirmedShare)} of what was offered completed within the window`;
  if (drainMs > limits.drainMs) return `the backlog took ${(drainMs / 1_000).toFixed(1)} s to drain`;
  return undefined;
}

/**
 * Finds the highest rate that holds: up by half from `start` until one fails, then halving the interval, until the step
 * is below `precision` of the rate. A failed rate is tried once more, since others share the machine, and up to three
 * times more if they were busy.
 */
export async function searchRate<T extends Trial>(
  start: number,
  trial: (rate: number) => Promise<T>,
  { precision = 0.06, most = 20_000 } = {},
): Promise<{ best: T | undefined; trials: T[] }> {
  const trials: T[] = [];
  const attempt = async (rate: number): Promise<T> => {
    for (let failures = 0; ; ) {
      const result = await trial(rate);
      trials.push(result);
      failures += result.disturbed ? 0.5 : 1;
      if (result.held || failures >= 2) return result;
    }
  };
  let best: T | undefined;
  let low = 0;
  let high = most;
  for (let rate = start; high - low > Math.max(10, low * precision); ) {
    const result = await attempt(rate);
    if (result.held) {
      low = rate;
      best = result;
    } else {
      high = rate;
    }
    rate = round(high === most ? low * 1.5 : low === 0 ? high / 2 : (low + high) / 2);
    if (rate <= low || rate >= high) break;
  }
  return { best, trials };
}

function round(rate: number): number {
  return Math.max(10, Math.round(rate / 10) * 10);
}
