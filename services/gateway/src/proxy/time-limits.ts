import type { IncomingHttpHeaders } from 'node:http';
import { preferredWait } from '@shop/chassis';

/** Longest times until the head of a service's answer, ms. */
export interface TimeLimits {
  readonly readMs: number;
  readonly writeMs: number;
  /** Upper limit, however long a client wants to wait. */
  readonly mostMs: number;
}

/** Time added to the client's own wait (`Prefer: wait=N`), ms. */
const BESIDE_WAIT_MS = 5_000;

/**
 * How long a request may wait for the head of its answer, ms. What follows the head, such as a stream's events, is not
 * limited here.
 */
export function timeLimit(method: string | undefined, headers: IncomingHttpHeaders, limits: TimeLimits): number {
  const { readMs, writeMs, mostMs } = limits;
  const own = method === 'GET' || method === 'HEAD' ? readMs : writeMs;
  // Parsed as the service does, so that a request waiting there is not cut off here.
  const wait = preferredWait(headers.prefer as string | undefined);
  return Math.min(mostMs, wait === undefined ? own : Math.max(own, wait * 1000 + BESIDE_WAIT_MS));
}
