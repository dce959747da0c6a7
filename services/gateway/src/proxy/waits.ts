import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { preferredWait } from '@shop/chassis';
import type { Passage } from '../passage.ts';

/** The requests whose clients wait for the end of an order (`Prefer: wait=N`). */
export interface Waits {
  /** True from `close` on: no request may begin to wait. */
  readonly closed: boolean;
  /** @param askAgain asks for the same answer without a wait; called when the gateway stops */
  enter(response: ServerResponse, askAgain: () => void): void;
  /** Ends every wait now: its client gets the answer that it would get at the end of its time. */
  close(): void;
}

export function createWaits(): Waits {
  const open = new Map<ServerResponse, () => void>();
  let closed = false;
  return {
    get closed() {
      return closed;
    },
    enter(response, askAgain) {
      open.set(response, askAgain);
      response.once('close', () => open.delete(response));
    },
    close() {
      closed = true;
      for (const askAgain of open.values()) askAgain();
      open.clear();
    },
  };
}

/** True when the client wants to wait, and the operation can. */
export function isWaiting({ request, route }: Pick<Passage, 'request' | 'route'>): boolean {
  return route.waits === true && (preferredWait(request.headers.prefer as string | undefined) ?? 0) > 0;
}

/**
 * The headers with which a waiting request can be sent twice. An order gets a key if its client gave none: with the key
 * the second request finds the order of the first.
 */
export function repeatable({ method, headers }: Passage['request']): IncomingHttpHeaders {
  if (method !== 'POST' || headers['idempotency-key'] !== undefined) return headers;
  return { ...headers, 'idempotency-key': randomUUID() };
}

export function withoutWait({ prefer: _wait, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers;
}

/** The headers of a request that has waited at another instance before: the rest of its wait, or none. */
export function withWaitLeft(headers: IncomingHttpHeaders, spentMs: number): IncomingHttpHeaders {
  const seconds = preferredWait(headers.prefer as string | undefined);
  if (seconds === undefined) return headers;
  const left = Math.ceil(seconds - spentMs / 1_000);
  if (left >= seconds) return headers;
  return left > 0 ? { ...headers, prefer: `wait=${left}` } : withoutWait(headers);
}
