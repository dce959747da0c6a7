import type { IncomingHttpHeaders } from 'node:http';
import { preferredWait } from '@shop/chassis';

/** Longest times until a service's answer begins, ms. */
export interface TimeLimits {
  readonly readMs: number;
  readonly writeMs: number;
  /** The longest of all, whatever a client wants to wait for. */
  readonly mostMs: number;
}

/** What a service gets on top of what its client is willing to wait (`Prefer: wait=N`), ms. */
const BESIDE_WAIT_MS = 5_000;

/**
 * How long a request may wait for the head of its answer, ms. What follows it, such as a stream's events, is not in it.
 */
export function timeLimit(method: string | undefined, headers: IncomingHttpHeaders, limits: TimeLimits): number {
  const { readMs, writeMs, mostMs } = limits;
  const own = method === 'GET' || method === 'HEAD' ? readMs : writeMs;
  // Read as the service reads it: who is willing to wait there must not be cut off here.
  const wait = preferredWait(headers.prefer as string | undefined);
  return Math.min(mostMs, wait === undefined ? own : Math.max(own, wait * 1000 + BESIDE_WAIT_MS));
}
