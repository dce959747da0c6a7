import CircuitBreaker from 'opossum';
import type { Metrics } from './metrics.ts';

const STATES = ['closed', 'half_open', 'open'] as const;
export type BreakerState = (typeof STATES)[number];

export interface BreakerOptions {
  readonly name: string;
  /** Length of the window in which calls are counted, ms. */
  readonly windowMs: number;
  /** Minimum number of calls in the window before the breaker may open. */
  readonly minCalls: number;
  /** Share of failed calls that opens it, per cent. */
  readonly failuresPercent: number;
  /** Time until an open breaker is half open, ms. */
  readonly resetMs: number;
  /** True for a failed call that was answered: opossum counts it as a success. Default: none is. */
  readonly isAnswer?: (error: unknown) => boolean;
  /** Shows the state: 1 for the present state, 0 for the others. The last label is `state`, the others are `labels`. */
  readonly gauge: ReturnType<Metrics['gauge']>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Called at each change. */
  readonly changed?: (state: BreakerState) => void;
}

export interface Breaker<Args extends unknown[]> {
  readonly closed: boolean;
  /** Calls the action. Rejects with the action's error, or without a call with an error that `isRefusal` recognizes. */
  fire(...args: Args): Promise<void>;
  /** Whether the breaker itself refused: it is open or shut down. */
  isRefusal(error: unknown): boolean;
  /** Prevents further calls. */
  close(): void;
}

/** opossum, with its state in the metrics. Its time limit is off: the action would continue behind it. */
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
