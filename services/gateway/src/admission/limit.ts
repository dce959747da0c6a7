export interface LimitOptions {
  readonly min: number;
  readonly max: number;
  /** Where it begins, and where it returns to while answers are quick. Large enough to sit out a stall. */
  readonly initial: number;
  /** The limit rises while answers take less than this on average, and falls while they take more, ms. */
  readonly targetMs: number;
}

/** The most requests that may be under way, found from how long answers take. Times in ms, on any one clock. */
export interface AdaptiveLimit {
  readonly current: number;
  /** Average answer time of the last window that said something, ms; undefined before the first. */
  readonly averageMs: number | undefined;
  /** So many are under way now: a limit that is not used up says nothing. */
  used(inFlight: number): void;
  /** A place came back, whatever for. */
  returned(): void;
  /** The service did the work and took so long for it. */
  worked(ms: number): void;
  /**
   * The service answered without doing the work (not found, sold out), or the client left. That can show that the
   * service is slow, and never that it is fast.
   */
  answered(ms: number): void;
  /** The service itself refused: the limit does not rise meanwhile. */
  refused(): void;
  /** To be called often. Draws the conclusion from a window once it is over. */
  turn(now: number): void;
}

/** A window holds several batches of the services behind (a few tens of ms each). With few answers it says little. */
const WINDOW_MS = 200;
const MIN_ANSWERS = 10;
/** With fewer answers it is closed after this time. */
const MAX_WINDOW_MS = 1_000;
/** So many slow windows in a row are an overload; fewer are a stall, of the disk or of a heap, that is over soon. */
const SLOW_WINDOWS = 2;
/** One answer counts as so many targets at most. */
const SLOWEST = 4;
/** Average times this close above the target change nothing. */
const TOLERANCE = 1.1;
/** The share of the way to the reckoned limit that one window goes. */
const STEP = 0.5;
const MAX_RISE = 1.15;
const MIN_FALL = 0.95;
const MAX_FALL = 0.6;

/**
 * A limit that keeps the average answer time near a target. By Little's law a service that gives `x` answers a second
 * holds `x × target` requests while each takes the target: the limit falls towards that number, and so cannot overshoot
 * however late the measurement comes. It rises by a part of itself at a time, and beyond `initial` only while it is
 * used up.
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
    // Cheap answers raise `reckoned`, so that it may be above the limit: it falls all the same.
    return Math.max(current * MAX_FALL, Math.min(next, current * MIN_FALL));
  }

  function rise(average: number): number {
    return current * Math.min(MAX_RISE, targetMs / average) + 1;
  }

  const isUsed = () => peak >= Math.floor(current);
  /** An average time that allows it to rise unused, ms. */
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
