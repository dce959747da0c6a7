import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, TraceContext } from '@shop/chassis';
import type { Place } from './admission/gate.ts';
import type { Route } from './routes.ts';

/** A request with a route, on its way through the gateway. */
export interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Milliseconds, performance.now(). */
  readonly startedAt: number;
  readonly trace: TraceContext | undefined;
  /** Headers of the answer, from any source: name, value, name, value … Guards add to them. */
  readonly headers: string[];
  /** `nobody` until the token guard has run. */
  caller: Caller;
  /** Its place at the service; undefined for requests without one, such as streams. */
  place: Place | undefined;
  /** How long it stood in line for its place, and waited for the answer to another client's equal read, ms. */
  waitedMs: number;
}

/**
 * One step before a request is forwarded. To refuse it, throws (or rejects with) a DomainError. Returns a promise only
 * if it must wait: other requests continue at once.
 */
export type Guard = (passage: Passage) => Promise<void> | undefined;
