import { DomainError, failed, type ItemResult, succeeded, type Transactor } from '@shop/chassis';
import type { PendingOrder } from '../domain/order.ts';
import { type Placement, place } from '../domain/place.ts';
import type { RequestKey } from '../domain/request.ts';
import type { FindKey, IdempotencyKeys, NewOrders, OrderDeps } from './ports.ts';

/** A client's request to place an order. */
export interface PlaceRequest {
  readonly placement: Placement;
  /** Absent: the request is not a repeat of any other. */
  readonly idempotency?: RequestKey;
}

/** The order of a request: its own, or that of the request it repeats. */
export type Placed =
  | { readonly orderId: string; readonly replayed: false; readonly order: PendingOrder }
  | { readonly orderId: string; readonly replayed: true };

/** Scope of the idempotency keys. */
export const SCOPE = 'POST /orders';

/**
 * Places all waiting orders in one transaction: however many there are, they share the statements and the commit. Each
 * request gets its own result; the same key twice in a batch is one order.
 */
export function createPlaceOrders<Tx>(
  deps: Pick<OrderDeps<Tx>, 'outbox' | 'now'> & {
    readonly transactor: Transactor<Tx>;
    readonly keys: IdempotencyKeys<Tx>;
    readonly newOrders: NewOrders<Tx>;
  },
) {
  const { transactor, keys, newOrders, outbox, now } = deps;
  return (requests: readonly PlaceRequest[]): Promise<ItemResult<Placed>[]> =>
    transactor.transaction(async (tx) => {
      const at = now();
      const claims = requests.flatMap(({ placement: { orderId, userId }, idempotency }) =>
        idempotency ? [{ userId, scope: SCOPE, requestId: orderId, ...idempotency }] : [],
      );
      const outcomes = await keys.claim(tx, claims, at);

      const isNew = ({ placement, idempotency }: PlaceRequest) =>
        !idempotency || outcomes.get(placement.orderId)?.kind === 'new';
      const placed = requests.filter(isNew).map(({ placement, idempotency }) => place(placement, at, idempotency));
      if (placed.length > 0) {
        const orders = placed.map(({ order }) => order);
        const steps = placed.map(({ step }) => step);
        const events = placed.map(({ event }) => event);
        await newOrders.insert(tx, orders, steps);
        await outbox.append(tx, events);
      }

      const orders = new Map(placed.map(({ order }) => [order.orderId, order]));
      return requests.map(({ placement: { orderId } }) => {
        const order = orders.get(orderId);
        if (order) return succeeded<Placed>({ orderId, replayed: false, order });
        const outcome = outcomes.get(orderId);
        if (outcome?.kind === 'replay') return succeeded<Placed>({ orderId: outcome.requestId, replayed: true });
        return failed(keyReused());
      });
    });
}

/** The order of a key, if there is one; used while new orders are refused. */
export function createFindPlaced(find: FindKey) {
  return async (userId: number, idempotency: RequestKey) => {
    const outcome = await find({ userId, scope: SCOPE, ...idempotency });
    if (outcome.kind === 'mismatch') throw keyReused();
    return outcome.kind === 'replay' ? outcome.requestId : undefined;
  };
}

function keyReused(): DomainError {
  return new DomainError('IDEMPOTENCY_KEY_REUSED', 'The key came with another body before.');
}
