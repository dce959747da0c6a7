/** One product of an order, each product once. */
export interface OrderLine {
  readonly productId: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** A line at the price that the catalog fixed when it reserved the stock. */
export interface PricedLine extends OrderLine {
  readonly name: string;
  /** Won for one piece. */
  readonly unitPrice: number;
}

/** The catalog's reservation: every line is reserved. */
export interface Reservation {
  readonly lines: readonly PricedLine[];
  /** Won, the sum of the lines. */
  readonly totalAmount: number;
}

/** The payment service's payment: the points are taken. */
export interface Payment {
  /** Won. */
  readonly paidAmount: number;
  /** Won. */
  readonly discountAmount: number;
}

/** The client's input beside the lines. Stored unchanged and published with order-created. */
export interface OrderDetails {
  /** The coupon id that the client names; only the coupon service knows whether it exists. */
  readonly couponId: string | null;
  /** The catalog's total in won that the client showed, before any discount; null when it showed none. */
  readonly expectedTotal: number | null;
}

/** The details alone, of an order or a placement. */
export function detailsOf({ couponId, expectedTotal }: OrderDetails): OrderDetails {
  return { couponId, expectedTotal };
}

interface OrderBase extends OrderDetails {
  /** UUIDv7. */
  readonly orderId: string;
  readonly userId: number;
  /** In product order. */
  readonly lines: readonly OrderLine[];
  /** W3C trace context of the placing request, for later changes by a job. */
  readonly traceparent: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The number of steps in its history. */
  readonly version: number;
  /** The types of the events in its history, in their order; null for an order that is older than this. */
  readonly steps: readonly string[] | null;
  /** It waits in the catalog's line for pieces that others hold: its age says nothing about the speed of the saga. */
  readonly awaitsStock: boolean;
}

export interface PendingOrder extends OrderBase {
  readonly status: 'PENDING';
  readonly reservation: Reservation | null;
  readonly payment: Payment | null;
}

export interface CompletedOrder extends OrderBase {
  readonly status: 'COMPLETED';
  readonly reservation: Reservation;
  readonly payment: Payment;
  readonly completedAt: Date;
}

export interface CancelledOrder extends OrderBase {
  readonly status: 'CANCELLED';
  readonly reservation: Reservation | null;
  readonly payment: Payment | null;
  /** When the order had completed before its cancellation; null if it never did. */
  readonly completedAt: Date | null;
  /** When payment had given the points back; null until then, and where none were taken. */
  readonly refundedAt: Date | null;
  /** Stable code, the same as in order-cancelled. */
  readonly reason: string;
}

export type Order = PendingOrder | CompletedOrder | CancelledOrder;
export type OrderStatus = Order['status'];

/** Whether a cancelled order ended in the catalog's line for pieces; false where its steps are not known. */
export function endedInLine({ reservation, steps }: CancelledOrder): boolean {
  return reservation === null && (steps?.includes('stock-awaited') ?? false);
}

/** Merges lines of the same product and puts them in product order. */
export function mergeLines(lines: readonly OrderLine[]): OrderLine[] {
  const quantities = new Map<number, number>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .sort((a, b) => a.productId - b.productId);
}
