import { DomainError, type Transactor } from '@shop/chassis';
import type { RequestKey } from '../domain/request.ts';
import type { OrderProblem } from '../problems.ts';
import { applyDecisions } from './apply-decisions.ts';
import type { IdempotencyKeys, OrderDeps } from './ports.ts';

/** A user's request to cancel one of their orders. */
export interface CancelRequest {
  /** UUID, drawn by the caller. */
  readonly requestId: string;
  readonly orderId: string;
  readonly userId: number;
  readonly idempotency?: RequestKey;
  readonly traceparent: string | null;
}

/** `cancelled` by this request, `already` cancelled before, or `replayed`: a repeat of the cancelling request. */
export type CancelOutcome = 'cancelled' | 'already' | 'replayed';

/** Scope of the idempotency keys of an order's cancellation. */
export function cancelScope(orderId: string): string {
  return `POST /orders/${orderId}/cancel`;
}

/**
 * Cancels an order, also a completed one: every participant consumes order-cancelled and undoes its own part.
 * @throws {DomainError} ORDER_NOT_FOUND, also for another user's order; IDEMPOTENCY_KEY_REUSED
 */
export function createCancelOrder<Tx>(deps: OrderDeps<Tx> & { transactor: Transactor<Tx>; keys: IdempotencyKeys<Tx> }) {
  const { transactor, keys, store, now } = deps;
  return (request: CancelRequest): Promise<CancelOutcome> =>
    transactor.transaction(async (tx) => {
      const { requestId, orderId, userId, idempotency, traceparent } = request;
      const scope = cancelScope(orderId);
      const claims = idempotency ? [{ userId, scope, requestId, ...idempotency }] : [];
      const claimed = (await keys.claim(tx, claims, now())).get(requestId)?.kind ?? 'new';
      if (claimed === 'replay') return 'replayed';
      if (claimed === 'mismatch') {
        throw new DomainError('IDEMPOTENCY_KEY_REUSED', 'The key came with another body before.');
      }

      const locked = await store.load(tx, [orderId]);
      const order = locked.get(orderId);
      if (order?.userId !== userId)
        throw new DomainError<OrderProblem>('ORDER_NOT_FOUND', 'You have no order with this id.');
      if (order.status === 'CANCELLED') {
        // Nothing was done, so the key is not remembered: a repeat finds the order cancelled again.
        await keys.release(tx, claims);
        return 'already';
      }
      const cause = traceparent ? { cause: { traceparent } } : {};
      const by = idempotency ? { request: { requestId, ...idempotency } } : {};
      await applyDecisions(deps, tx, locked, [
        { orderId, input: { type: 'cancel-requested', ...by }, eventId: null, ...cause },
      ]);
      return 'cancelled';
    });
}
