import type { SalesEvent } from '../src/domain/sales.ts';

let made = 0;
/** A new id each time, in the shape of a UUIDv7. */
const nextId = () => `0193b5a0-0000-7000-8000-${String(++made).padStart(12, '0')}`;

/** An order in ranking's view; the time in milliseconds since the epoch. */
export interface Order {
  readonly orderId: string;
  readonly completedAt: number;
  readonly lines: readonly (readonly [productId: number, quantity: number])[];
}

export function orderAt(completedAt: number, ...lines: [productId: number, quantity: number][]): Order {
  return { orderId: nextId(), completedAt, lines };
}

/** Names all lines `name`, at `price` a piece. */
export function completed({ orderId, completedAt, lines }: Order, name?: string, price = 100): SalesEvent {
  const amounts = { totalAmount: 0, discountAmount: 0, paidAmount: 0 };
  const named = lines.map(([productId, quantity]) => ({
    productId,
    quantity,
    name: name ?? `Product ${productId}`,
    unitPrice: price,
  }));
  return {
    type: 'order-completed',
    data: { orderId, userId: 1, couponId: null, lines: named, ...amounts, completedAt, steps: null },
  };
}

/** The cancellation of an order, which had completed unless `wasCompleted` is false. */
export function cancelled({ orderId, completedAt, lines }: Order, wasCompleted = true): SalesEvent {
  return {
    type: 'order-cancelled',
    data: {
      ...{ orderId, userId: 1, couponId: null, reason: 'ORDER_CANCELLED', wasCompleted },
      completedAt: wasCompleted ? completedAt : null,
      lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
      ...{ steps: null, requestId: null, idempotencyKey: null, requestHash: null },
    },
  };
}

export function changed(productId: number, version: number, name: string, price: number): SalesEvent {
  const rest = {
    stockDelta: 0,
    onSale: null,
    available: null,
    requestId: nextId(),
    idempotencyKey: null,
    requestHash: null,
  };
  return { type: 'product-changed', data: { productId, change: 'UPDATED', name, price, version, ...rest } };
}
