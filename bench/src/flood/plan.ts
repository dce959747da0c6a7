import type { Latency } from '../latency.ts';
import type { CpuUse } from '../processes.ts';
import type { Traffic } from '../traffic.ts';
import type { Tallied } from './tally.ts';

/** Requests of one kind within a mix. */
export interface Share {
  readonly name: string;
  /** Against the weights of the others. */
  readonly weight: number;
  readonly traffic: Traffic;
}

export interface Step {
  readonly name: string;
  /** Requests a second, of all kinds together. */
  readonly rate: number;
  readonly seconds: number;
}

/** A message of the parent. */
export interface FloodPlan {
  /** A base URL. */
  readonly target: string;
  readonly mix: readonly Share[];
  /** One after the other, without a pause. */
  readonly steps: readonly Step[];
  /** Most connections at once. */
  readonly connections: number;
  /** How long a client waits for its answer, ms. */
  readonly patienceMs: number;
  /** How long a window of the result is, ms. */
  readonly windowMs: number;
  /** Starts every idempotency key; no other load may have used it. */
  readonly run: string;
}

export interface StepResult extends Step {
  /** Times of the step, ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** By the name of the share. */
  readonly kinds: Readonly<Record<string, Tallied>>;
  /** The longest a request was sent after it was due, ms. */
  readonly latestSendMs: number;
  /** Most clients that waited at once. */
  readonly mostWaiting: number;
  /** Requests that the generator was too late for, and did not send. */
  readonly unsent: number;
}

/** An opening: all clients come within moments. Each wants a coupon, then an order of one piece. All are patient. */
export interface OpeningPlan {
  readonly target: string;
  readonly clients: number;
  /** They come evenly within so many seconds. */
  readonly rampSeconds: number;
  readonly couponPolicyId: number;
  readonly productId: number;
  readonly connections: number;
  /** Without an answer for so long, a client asks again, ms. */
  readonly patienceMs: number;
  /** From the first client until all give up, s. */
  readonly limitSeconds: number;
  /** A client that knows all within this time counts as served in time, s. */
  readonly timelySeconds: number;
}

export interface OpeningResult {
  readonly clients: number;
  /** Clients that know how both their wishes ended within the time they have. */
  readonly timely: number;
  readonly unfinished: number;
  /** How the wishes ended: `coupon: issued`, `order: out of stock` … */
  readonly ends: Readonly<Record<string, number>>;
  /** Why clients asked again: `refused`, `gone`, `cut`, `unconnected`, `deadline`. */
  readonly again: Readonly<Record<string, number>>;
  /** Requests of each client. */
  readonly requests: { readonly median: number; readonly max: number; readonly all: number };
  /** From a client's coming to its knowing the end of its coupon, of its order, ms. */
  readonly toCoupon: Latency;
  readonly toOrder: Latency;
  /** From the first client to the last that knew all, s. */
  readonly lastedSeconds: number;
  /** Times of all of it, ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** A wish of the parent. */
export type GeneratorTask =
  | { readonly kind: 'flood'; readonly plan: FloodPlan }
  | { readonly kind: 'opening'; readonly plan: OpeningPlan };

export type FloodMessage =
  /** Step number `step` begins; the number after the last step is the end of all. */
  | { readonly kind: 'edge'; readonly step: number }
  | { readonly kind: 'result'; readonly steps: readonly StepResult[] }
  | { readonly kind: 'opened'; readonly opening: OpeningResult }
  | { readonly kind: 'failed'; readonly message: string };

/** A step with what every process used in it. */
export interface MeasuredStep extends StepResult {
  readonly cpu: CpuUse;
}

/** The name under which the generator's own CPU is counted. */
export const GENERATOR = 'generator';

/** How long clients wait before they leave, and how many connections there are at most. */
export const PATIENCE_MS = 10_000;
export const MAX_CONNECTIONS = 10_000;
