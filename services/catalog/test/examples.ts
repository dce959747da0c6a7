import type { EventDataByType } from '@shop/events';
import type {
  HeldReservation,
  OrderEvent,
  ProductStock,
  ReleasedReservation,
  Reservation,
} from '../src/domain/reservation.ts';

/** Examples for the tests of this folder. */
export const ORDER_ID = orderIdOf(1);

/** A UUIDv7 of an order, the same for the same number. */
export function orderIdOf(n: number): string {
  return `0199c0de-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function product(productId: number, change: Partial<ProductStock> = {}): ProductStock {
  return {
    productId,
    name: `product ${productId}`,
    price: 1000 * productId,
    available: 10,
    reserved: 0,
    sold: 0,
    ...change,
  };
}

export function productsOf(...products: ProductStock[]): Map<number, ProductStock> {
  return new Map(products.map((it) => [it.productId, it]));
}

export function created(change: Partial<EventDataByType['order-created']> = {}): OrderEvent {
  const lines = [{ productId: 1, quantity: 3 }];
  const data = { orderId: ORDER_ID, userId: 7, couponId: null, lines, expectedTotal: null, ...change };
  return { type: 'order-created', data, ...envelope(data.orderId, 'created') };
}

export function completed(orderId = ORDER_ID): OrderEvent {
  const amounts = { totalAmount: 3000, discountAmount: 0, paidAmount: 3000, completedAt: 0 };
  const lines = [{ productId: 1, name: 'product 1', unitPrice: 1000, quantity: 3 }];
  const data = { orderId, userId: 7, couponId: null, lines, ...amounts };
  return { type: 'order-completed', data, ...envelope(orderId, 'completed') };
}

export function cancelled(orderId = ORDER_ID, reason = 'ORDER_CANCELLED'): OrderEvent {
  const lines = [{ productId: 1, quantity: 3 }];
  const data = { orderId, userId: 7, couponId: null, reason, wasCompleted: false, completedAt: null, lines };
  return { type: 'order-cancelled', data, ...envelope(orderId, 'cancelled') };
}

function envelope(orderId: string, id: string) {
  const position = { topic: 'order-events', partition: 0, offset: '0' };
  return { id: `${orderId}/${id}`, time: new Date(0), key: orderId, traceparent: '00-trace-span-01', ...position };
}

const order = { orderId: ORDER_ID, userId: 7, couponId: null };
const held = {
  ...order,
  lines: [{ productId: 1, name: 'product 1', unitPrice: 1000, quantity: 3 }],
  totalAmount: 3000,
};

export const active: HeldReservation = { ...held, status: 'ACTIVE' };
export const sold: HeldReservation = { ...held, status: 'SOLD' };
export const released: ReleasedReservation = { ...held, status: 'RELEASED', reason: 'ORDER_CANCELLED' };
export const rejected: Reservation = { ...order, status: 'REJECTED', reason: 'OUT_OF_STOCK' };
export const voided: Reservation = { ...order, status: 'VOID', reason: 'ORDER_CANCELLED' };
