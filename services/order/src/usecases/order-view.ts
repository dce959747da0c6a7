import type { Order, OrderStatus } from '../domain/order.ts';

/** DONE: they can be spent again. */
export interface Refund {
  readonly status: 'PENDING' | 'DONE';
  /** Won. */
  readonly amount: number;
}

/** An order in the form shown to its user. Amounts are in won. */
export interface OrderView {
  readonly orderId: string;
  readonly userId: number;
  readonly status: OrderStatus;
  /** Name and unit price are null until the stock is reserved. */
  readonly items: readonly {
    readonly productId: number;
    readonly name: string | null;
    readonly unitPrice: number | null;
    readonly quantity: number;
  }[];
  /** Null until the stock is reserved. */
  readonly totalAmount: number | null;
  /** Null until it is paid. */
  readonly discountAmount: number | null;
  /** Points that the order has taken and not given back. Null until it is paid. */
  readonly paidAmount: number | null;
  /** The points that go back to the user, once it is cancelled; absent where none were taken. */
  readonly refund?: Refund;
  readonly couponId?: string;
  /** The reason of its cancellation. */
  readonly reason?: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When it completed, even if cancelled later. */
  readonly completedAt?: Date;
}

export interface ListQuery {
  readonly userId: number;
  readonly status?: OrderStatus | undefined;
  /** The last order of the page before; absent for the first page. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** A user's own orders, newest first. */
export type ListOrders = (query: ListQuery) => Promise<OrderView[]>;

export function viewOf(order: Order): OrderView {
  const { orderId, userId, status, reservation, payment, couponId, createdAt, updatedAt } = order;
  const completedAt = order.status === 'PENDING' ? null : order.completedAt;
  const refund = refundOf(order);
  return {
    orderId,
    userId,
    status,
    items: reservation
      ? reservation.lines.map(({ productId, name, unitPrice, quantity }) => ({ productId, name, unitPrice, quantity }))
      : order.lines.map(({ productId, quantity }) => ({ productId, name: null, unitPrice: null, quantity })),
    totalAmount: reservation?.totalAmount ?? null,
    discountAmount: payment?.discountAmount ?? null,
    paidAmount: refund?.status === 'DONE' ? 0 : (payment?.paidAmount ?? null),
    ...(refund ? { refund } : {}),
    ...(couponId ? { couponId } : {}),
    ...(order.status === 'CANCELLED' ? { reason: order.reason } : {}),
    createdAt,
    updatedAt,
    ...(completedAt ? { completedAt } : {}),
  };
}

function refundOf(order: Order): Refund | undefined {
  if (order.status !== 'CANCELLED' || !order.payment?.paidAmount) return undefined;
  return { status: order.refundedAt ? 'DONE' : 'PENDING', amount: order.payment.paidAmount };
}

/** Whether an order has come to its end. */
export function hasEnded({ status }: OrderView): boolean {
  return status !== 'PENDING';
}

/** Whether a cancelled order has given back all that it is known to have taken. */
export function isRefunded({ refund }: OrderView): boolean {
  return refund?.status !== 'PENDING';
}
