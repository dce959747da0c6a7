import CircuitBreaker from 'opossum';
import type { Metrics } from './metrics.ts';

const STATES = ['closed', 'half_open', 'open'] as const;
export type BreakerState = (typeof STATES)[number];

export interface BreakerOptions {
  readonly name: string;
  /** What is looked back on, ms. */
  readonly windowMs: number;
  /** The fewest calls in the window that say something. */
  readonly minCalls: number;
  /** The share of them that must have failed, per cent. */
  readonly failuresPercent: number;
  /** After so long an open breaker is half open, ms. */
  readonly resetMs: number;
  /** Whether a call that failed was answered all the same: such a failure does not count. Default: none was. */
  readonly isAnswer?: (error: unknown) => boolean;
  /** Shows the state: 1 for the one it is in, 0 for the others. The last label is `state`, `labels` are the others. */
  readonly gauge: ReturnType<Metrics['gauge']>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Told of each change. */
  readonly changed?: (state: BreakerState) => void;
}

export interface Breaker<Args extends unknown[]> {
  readonly closed: boolean;
  /** Calls the action. Rejects with its error, or with one that `isRefusal` knows where it is not called. */
  fire(...args: Args): Promise<void>;
  /** Whether the breaker itself refused: it is open or closed down. */
  isRefusal(error: unknown): boolean;
  /** Nothing is called any more. */
  close(): void;
}

/** opossum, with its state in the measures. Its time limit is off: it would leave the action at work behind it. */
export function createBreaker<Args extends unknown[]>(
  action: (...args: Args) => Promise<void>,
  options: BreakerOptions,
): Breaker<Args> {
  const { name, windowMs, minCalls, failuresPercent, resetMs, isAnswer, gauge, labels, changed } = options;
  const breaker = new CircuitBreaker(action, {
    name,
    timeout: false,
    rollingCountTimeout: windowMs,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    volumeThreshold: minCalls,
    errorThresholdPercentage: failuresPercent,
    resetTimeout: resetMs,
    ...(isAnswer && { errorFilter: isAnswer }),
  });

  function show(now: BreakerState): void {
    for (const state of STATES) gauge.set({ ...labels, state }, state === now ? 1 : 0);
  }
  function enter(state: BreakerState): void {
    show(state);
    changed?.(state);
  }
  show('closed');
  breaker.on('open', () => enter('open'));
  breaker.on('halfOpen', () => enter('half_open'));
  breaker.on('close', () => enter('closed'));

  return {
    get closed() {
      return breaker.closed;
    },
    fire: (...args) => breaker.fire(...args),
    isRefusal: (error) => error instanceof Error && CircuitBreaker.isOurError(error),
    close: () => breaker.shutdown(),
  };
}
