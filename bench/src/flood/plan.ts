import type { Latency } from '../latency.ts';
import type { CpuUse } from '../processes.ts';
import type { Traffic } from '../traffic.ts';
import type { Tallied } from './tally.ts';

/** Requests of one kind within a mix. */
export interface Share {
  readonly name: string;
  /** Relative to the weights of the other shares. */
  readonly weight: number;
  readonly traffic: Traffic;
}

export interface Step {
  readonly name: string;
  /** Requests a second, all kinds together. */
  readonly rate: number;
  readonly seconds: number;
}

/** A plan, sent by the parent. */
export interface FloodPlan {
  /** Base URL. */
  readonly target: string;
  readonly mix: readonly Share[];
  /** Run one after the other, without a pause. */
  readonly steps: readonly Step[];
  /** Most connections at once. */
  readonly connections: number;
  /** How long a client waits for its answer, ms. */
  readonly patienceMs: number;
  /** Length of a window of the result, ms. */
  readonly windowMs: number;
  /** Prefix of every idempotency key; must differ from other loads'. */
  readonly run: string;
}

export interface StepResult extends Step {
  /** Times of the step, ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Results by the name of the share. */
  readonly kinds: Readonly<Record<string, Tallied>>;
  /** The greatest delay of a request after its due time, ms. */
  readonly latestSendMs: number;
  /** Most clients waiting at once. */
  readonly mostWaiting: number;
  /** Requests dropped because the generator was too late. */
  readonly unsent: number;
}

/** An opening: all clients come almost at once. Each wants a coupon, then an order of one piece. All are patient. */
export interface OpeningPlan {
  readonly target: string;
  readonly clients: number;
  /** The clients come evenly within this time, s. */
  readonly rampSeconds: number;
  readonly couponPolicyId: number;
  readonly productId: number;
  readonly connections: number;
  /** A client without an answer asks again after this time, ms. */
  readonly patienceMs: number;
  /** Time from the first client until all give up, s. */
  readonly limitSeconds: number;
  /** A client that knows both outcomes within this time counts as served in time, s. */
  readonly timelySeconds: number;
}

export interface OpeningResult {
  readonly clients: number;
  /** Clients that knew both outcomes in time. */
  readonly timely: number;
  readonly unfinished: number;
  /** How the wishes ended: `coupon: issued`, `order: out of stock` … */
  readonly ends: Readonly<Record<string, number>>;
  /** Why clients asked again: `refused`, `gone`, `cut`, `unconnected`, `deadline`. */
  readonly again: Readonly<Record<string, number>>;
  /** Requests for each client. */
  readonly requests: { readonly median: number; readonly max: number; readonly all: number };
  /** Times from a client's coming to its knowing the end of its coupon, and of its order, ms. */
  readonly toCoupon: Latency;
  readonly toOrder: Latency;
  /** Time from the first client to the last that knew both outcomes, s. */
  readonly lastedSeconds: number;
  /** Bounds of the opening, ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** A task from the parent. */
export type GeneratorTask =
  | { readonly kind: 'flood'; readonly plan: FloodPlan }
  | { readonly kind: 'opening'; readonly plan: OpeningPlan };

export type FloodMessage =
  /** Step number `step` begins; the number after the last step marks the end. */
  | { readonly kind: 'edge'; readonly step: number }
  | { readonly kind: 'result'; readonly steps: readonly StepResult[] }
  | { readonly kind: 'opened'; readonly opening: OpeningResult }
  | { readonly kind: 'failed'; readonly message: string };

/** A step with every process's CPU. */
export interface MeasuredStep extends StepResult {
  readonly cpu: CpuUse;
}

/** Name for the generator's own CPU. */
export const GENERATOR = 'generator';

/** How long clients wait before they leave, and the limit of connections. */
export const PATIENCE_MS = 10_000;
export const MAX_CONNECTIONS = 10_000;
