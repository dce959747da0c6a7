import type { Metrics } from '@shop/chassis';

/** Interval at which the event loop is expected to come round, ms. */
const EVERY_MS = 20;
/**
 * Weight of the newest measurement. A single stall, such as a collection of the heap, then stays under the threshold.
 */
const WEIGHT = 0.4;

export interface Shedder {
  /**
   * Whether a new request should be refused, so that current ones can finish.
   *
   * @param share of the threshold at which refusals begin: lower for less important requests; default 1
   */
  refuses(share?: number): boolean;
  /** Smoothed delay of the event loop, ms. */
  readonly delayMs: number;
  stop(): void;
}

export interface ShedderOptions {
  /** Delay of the event loop above which requests are refused, ms; 0 never refuses. */
  readonly aboveMs: number;
  readonly metrics: Metrics;
  /** For tests: 0 ≤ n < 1. */
  readonly random?: () => number;
  /** A clock that runs forward, ms. */
  readonly now?: () => number;
}

/**
 * Refuses requests while the event loop comes round too late: every current request, health included, waits that long
 * in every turn. The refused share rises with the delay, from none at `aboveMs` to all at twice that.
 */
export function createShedder(options: ShedderOptions): Shedder {
  const { aboveMs, metrics, random = Math.random, now = () => performance.now() } = options;
  const delay = metrics.gauge('gateway_event_loop_delay_ms', 'How late the event loop comes round, smoothed, ms');
  const shed = metrics.counter('gateway_shed_total', 'Requests refused because the process is overloaded');
  if (aboveMs === 0) return { refuses: () => false, delayMs: 0, stop: () => undefined };
  let delayMs = 0;
  let last = now();
  const timer = setInterval(() => {
    const at = now();
    delayMs = smoothed(delayMs, Math.max(0, at - last - EVERY_MS));
    last = at;
    delay.set(delayMs);
  }, EVERY_MS).unref();
  return {
    refuses(share = 1) {
      const above = aboveMs * share;
      if (delayMs <= above || random() >= shareToRefuse(delayMs, above)) return false;
      shed.inc();
      return true;
    },
    get delayMs() {
      return delayMs;
    },
    stop: () => clearInterval(timer),
  };
}

export function smoothed(before: number, now: number): number {
  return before + WEIGHT * (now - before);
}

export function shareToRefuse(delayMs: number, aboveMs: number): number {
  return Math.min(1, Math.max(0, delayMs / aboveMs - 1));
}
