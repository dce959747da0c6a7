export interface LimitOptions {
  readonly min: number;
  readonly max: number;
  /** The first limit, to which it also returns while answers are quick. Large enough to sit out a stall. */
  readonly initial: number;
  /** The limit rises while answers take less than this on average, and falls while they take more, ms. */
  readonly targetMs: number;
}

/** The most requests that may be under way, learnt from answer times. Times in ms, on one clock. */
export interface AdaptiveLimit {
  readonly current: number;
  /** Average answer time of the last window with enough answers, ms; undefined before the first. */
  readonly averageMs: number | undefined;
  /** Reports the number under way: a limit that is not used up says nothing. */
  used(inFlight: number): void;
  /** Reports a place taken back, for any reason. */
  returned(): void;
  /** Reports an answer of the service after doing the work, and its time. */
  worked(ms: number): void;
  /**
   * Reports an answer without work (not found, sold out), or that the client left. It can show that the service is
   * slow, but never that it is fast.
   */
  answered(ms: number): void;
  /** Reports a refusal by the service itself: the limit does not rise meanwhile. */
  refused(): void;
  /** Called often. Evaluates a window once it is over. */
  turn(now: number): void;
}

/** A window holds several batches of the services (a few tens of ms each). With few answers it says little. */
const WINDOW_MS = 200;
const MIN_ANSWERS = 10;
/** A window with fewer answers is closed after this time. */
const MAX_WINDOW_MS = 1_000;
/** Number of slow windows in a row that count as an overload; fewer are a stall, of the disk or of a heap. */
const SLOW_WINDOWS = 2;
/** An answer counts as at most this many targets. */
const SLOWEST = 4;
/** Average times above the target by less than this factor change nothing. */
const TOLERANCE = 1.1;
/** Share of the way to the computed limit taken by one window. */
const STEP = 0.5;
const MAX_RISE = 1.15;
const MIN_FALL = 0.95;
const MAX_FALL = 0.6;

/**
 * A limit that keeps the average answer time near a target. By Little's law a service that gives `x` answers a second
 * holds `x × target` requests while each takes the target time. The limit falls towards that number, so it cannot
 * overshoot, however late the measurement comes. It rises by a part of itself at a time, and beyond `initial` only
 * while it is used up.
 */
// One function: the window's sums change together and are reset together in `turn`.
export function createAdaptiveLimit({ min, max, initial, targetMs }: LimitOptions): AdaptiveLimit {
  const bounded = (value: number) => Math.min(max, Math.max(min, value));
  let current = bounded(initial);
  let averageMs: number | undefined;
  let since: number | undefined;
  let count = 0;
  let sum = 0;
  let completed = 0;
  let refusals = 0;
  let peak = 0;
  let slow = 0;

  function add(ms: number): void {
    count++;
    sum += Math.min(ms, targetMs * SLOWEST);
  }

  function fall(seconds: number): number {
    const reckoned = (completed / seconds) * (targetMs / 1000);
    const next = current + STEP * (reckoned - current);
    // Cheap answers raise `reckoned`, possibly above the limit: the limit falls all the same.
    return Math.max(current * MAX_FALL, Math.min(next, current * MIN_FALL));
  }

  function rise(average: number): number {
    return current * Math.min(MAX_RISE, targetMs / average) + 1;
  }

  const isUsed = () => peak >= Math.floor(current);
  /** Average time below which the limit rises even when unused, ms. */
  const restsBelow = () => (current < initial ? targetMs / 2 : 0);

  return {
    get current() {
      return Math.floor(current);
    },
    get averageMs() {
      return averageMs;
    },
    used(inFlight) {
      if (inFlight > peak) peak = inFlight;
    },
    returned() {
      completed++;
    },
    worked: add,
    answered(ms) {
      if (ms > targetMs) add(ms);
    },
    refused() {
      refusals++;
    },
    turn(now) {
      since ??= now;
      const elapsed = now - since;
      if (elapsed < WINDOW_MS || (count < MIN_ANSWERS && elapsed < MAX_WINDOW_MS)) return;
      if (count > 0) {
        averageMs = sum / count;
        slow = averageMs > targetMs * TOLERANCE ? slow + 1 : 0;
        if (slow >= SLOW_WINDOWS) current = bounded(fall(elapsed / 1000));
        else if (refusals === 0 && averageMs < (isUsed() ? targetMs : restsBelow())) current = bounded(rise(averageMs));
      }
      since = now;
      count = sum = completed = refusals = peak = 0;
    },
  };
}
