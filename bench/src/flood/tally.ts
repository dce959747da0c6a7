import type { Latency } from '../latency.ts';
import type { Outcome } from './clients.ts';
import { percentileOf, summarize } from './percentiles.ts';

/** The outcomes of the requests of one kind that were due in one step. */
export interface Tallied {
  readonly offered: number;
  readonly right: number;
  /** Answers of 503 or 429. */
  readonly refused: number;
  /** Clients that left without an answer. */
  readonly gone: number;
  /** Clients without a connection. */
  readonly unconnected: number;
  /** Connections lost before the answer. */
  readonly cut: number;
  /** Answers other than the right ones: `409 OUT_OF_STOCK` … */
  readonly wrong: Readonly<Record<string, number>>;
  /** Right answers during the step, whenever due. */
  readonly finished: number;
  /** Times from due to the answer's end, of the right answers and of the refusals, ms. */
  readonly served: Latency;
  readonly refusedIn: Latency;
  readonly windows: readonly Window[];
}

/** The requests due within a window (a second or a minute) of a step. */
export interface Window {
  readonly offered: number;
  readonly right: number;
  readonly refused: number;
  /** Times of the right answers, ms; 0 when there were none. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

interface Counts {
  offered: number;
  right: number;
  refused: number;
  gone: number;
  unconnected: number;
  cut: number;
  finished: number;
  readonly wrong: Map<string, number>;
  readonly served: number[];
  readonly refusedIn: number[];
  readonly windows: { offered: number; right: number; refused: number; readonly served: number[] }[];
}

/** Counts the requests of one step and one kind. @param windowMs length of a window */
export function createTally(windowMs: number): {
  /** @param sinceStart due time from the step's start, ms */
  offer(sinceStart: number): void;
  /** @param ms from due to the end of the request. @returns whether the answer was right */
  end(sinceStart: number, outcome: Outcome, good: readonly number[], ms: number): boolean;
  /** Counts a right answer during the step. */
  finish(): void;
  result(): Tallied;
} {
  const counts: Counts = {
    offered: 0,
    right: 0,
    refused: 0,
    gone: 0,
    unconnected: 0,
    cut: 0,
    finished: 0,
    wrong: new Map(),
    served: [],
    refusedIn: [],
    windows: [],
  };
  const windowOf = (sinceStart: number) => {
    const index = Math.max(0, Math.floor(sinceStart / windowMs));
    while (counts.windows.length <= index) counts.windows.push({ offered: 0, right: 0, refused: 0, served: [] });
    return counts.windows[index];
  };
  return {
    offer(sinceStart) {
      counts.offered++;
      const window = windowOf(sinceStart);
      if (window) window.offered++;
    },
    end(sinceStart, outcome, good, ms) {
      if (outcome.kind !== 'answered') {
        counts[outcome.kind]++;
        return false;
      }
      const { status, body } = outcome.answer;
      const window = windowOf(sinceStart);
      if (good.includes(status)) {
        counts.right++;
        counts.served.push(ms);
        if (window) window.right++;
        window?.served.push(ms);
        return true;
      }
      if (isRefusal(status)) {
        counts.refused++;
        counts.refusedIn.push(ms);
        if (window) window.refused++;
      } else {
        const kind = `${status} ${codeOf(body)}`.trim();
        counts.wrong.set(kind, (counts.wrong.get(kind) ?? 0) + 1);
      }
      return false;
    },
    finish: () => void counts.finished++,
    result: () => ({
      ...counts,
      wrong: Object.fromEntries(counts.wrong),
      served: summarize(counts.served),
      refusedIn: summarize(counts.refusedIn),
      windows: counts.windows.map(({ served, ...window }) => {
        served.sort((a, b) => a - b);
        const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentileOf(served, share));
        return { ...window, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0 };
      }),
    }),
  };
}

/** True for an answer that asks to come back later. */
export function isRefusal(status: number): boolean {
  return status === 503 || status === 429;
}

function codeOf(body: string): string {
  return /"code":\s*"([A-Z_]+)"/.exec(body)?.[1] ?? '';
}
