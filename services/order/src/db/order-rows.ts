import type { SqlValue } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { Order, OrderStatus, PricedLine } from '../domain/order.ts';

/** A row of `orders`. */
export interface OrderRow {
  readonly order_id: string;
  readonly user_id: number;
  readonly coupon_id: string | null;
  readonly status: OrderStatus;
  readonly reason: string | null;
  readonly expected_total: number | null;
  readonly total_amount: number | null;
  readonly discount_amount: number | null;
  readonly paid_amount: number | null;
  readonly version: number;
  readonly awaits_stock: number;
  readonly traceparent: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly completed_at: Date | null;
  readonly refunded_at: Date | null;
  readonly steps: string | null;
}

/** A row of `order_items`. */
export interface ItemRow {
  readonly order_id: string;
  readonly product_id: number;
  readonly quantity: number;
  readonly name: string | null;
  readonly unit_price: number | null;
}

export const ITEM_COLUMNS = ['order_id', 'product_id', 'quantity', 'name', 'unit_price'] as const;

export const ORDER_COLUMNS = [
  'order_id',
  'user_id',
  'coupon_id',
  'status',
  'reason',
  'expected_total',
  'total_amount',
  'discount_amount',
  'paid_amount',
  'version',
  'awaits_stock',
  'traceparent',
  'created_at',
  'updated_at',
  'completed_at',
  'refunded_at',
  'steps',
] as const;

/** The values of ORDER_COLUMNS. */
export function toRow(order: Order): SqlValue[] {
  return [
    order.orderId,
    order.userId,
    order.couponId,
    order.status,
    order.status === 'CANCELLED' ? order.reason : null,
    order.expectedTotal,
    order.reservation?.totalAmount ?? null,
    order.payment?.discountAmount ?? null,
    order.payment?.paidAmount ?? null,
    order.version,
    order.awaitsStock ? 1 : 0,
    order.traceparent,
    order.createdAt,
    order.updatedAt,
    order.status === 'PENDING' ? null : order.completedAt,
    order.status === 'CANCELLED' ? order.refundedAt : null,
    order.steps?.join(',') ?? null,
  ];
}

/** @throws when the row has a state that this service never writes */
export function toOrder(row: OrderRow, items: readonly ItemRow[]): Order {
  const base = {
    orderId: row.order_id,
    userId: row.user_id,
    couponId: row.coupon_id,
    expectedTotal: row.expected_total,
    lines: items.map((item) => ({ productId: item.product_id, quantity: item.quantity })),
    traceparent: row.traceparent,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
    steps: wholeSteps(row),
    awaitsStock: row.awaits_stock === 1,
  };
  const reservation =
    row.total_amount === null ? null : { lines: items.map(toPricedLine), totalAmount: row.total_amount };
  const payment =
    row.paid_amount === null ? null : { paidAmount: row.paid_amount, discountAmount: row.discount_amount ?? 0 };
  switch (row.status) {
    case 'PENDING':
      return { ...base, status: 'PENDING', reservation, payment };
    case 'COMPLETED':
      if (!reservation || !payment || !row.completed_at) break;
      return { ...base, status: 'COMPLETED', reservation, payment, completedAt: row.completed_at };
    case 'CANCELLED':
      if (!row.reason) break;
      return {
        ...base,
        status: 'CANCELLED',
        reservation,
        payment,
        completedAt: row.completed_at,
        refundedAt: row.refunded_at,
        reason: row.reason,
      };
    default:
      return unreachable(row.status, `order ${row.order_id} has an unknown status`);
  }
  throw new Error(`order ${row.order_id} lacks what its status needs: ${row.status}`);
}

/** An instance of an older release counts a step in `version` and does not name it: then the names are of no use. */
function wholeSteps({ steps, version }: OrderRow): readonly string[] | null {
  const named = steps?.split(',');
  return named?.length === version ? named : null;
}

function toPricedLine(item: ItemRow): PricedLine {
  return {
    productId: item.product_id,
    quantity: item.quantity,
    name: item.name ?? '',
    unitPrice: item.unit_price ?? 0,
  };
}
