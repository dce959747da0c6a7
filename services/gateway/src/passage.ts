import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, TraceContext } from '@shop/chassis';
import type { Place } from './admission/gate.ts';
import type { Route } from './routes.ts';

/** A request of a route, on its way through the gateway. */
export interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Milliseconds, performance.now(). */
  readonly startedAt: number;
  readonly trace: TraceContext | undefined;
  /** Headers of the answer, whoever gives it: name, value, name, value … Guards add to them. */
  readonly headers: string[];
  /** `nobody` until the token guard has run. */
  caller: Caller;
  /** Among those under way at its service; undefined for what needs none, such as a stream. */
  place: Place | undefined;
  /** How long it stood in line for it, ms. */
  waitedMs: number;
}

/**
 * One step before a request is passed on. To refuse it, throws (or rejects with) a DomainError. Gives a promise only
 * where it has to wait: a request that waits for nothing goes on at once.
 */
export type Guard = (passage: Passage) => Promise<void> | undefined;
