import { preferredWait } from '@shop/chassis';
import type { Request, Response } from 'express';
import type { Awaited, OrderWait, OrderWaits } from '../usecases/order-waits.ts';

export interface WaitDeps {
  readonly waits: OrderWaits;
  /** Most requests that may wait for an order at once. */
  readonly maxWaiting: number;
}

/**
 * The seconds the client is willing to wait; 0 when it states none, or when too many wait already. Nothing is awaited
 * from here to `openWait`: else more would wait than may.
 */
export function grantedWait(deps: WaitDeps, request: Request): number {
  const seconds = preferredWait(request.get('prefer')) ?? 0;
  return deps.waits.waiting < deps.maxWaiting ? seconds : 0;
}

/** @returns undefined for a client that does not wait, or has left: its response does not close again to end a wait */
export function openWait(
  deps: WaitDeps,
  response: Response,
  orderId: string,
  seconds: number,
  awaited: Awaited = 'end',
): OrderWait | undefined {
  if (seconds === 0 || response.closed) return undefined;
  const wait = deps.waits.open(orderId, seconds * 1000, awaited);
  response.once('close', () => wait.cancel());
  return wait;
}
