import type { EventDataByType } from '@shop/events';
import { changed, NOTHING, runDecisions, type SagaTable } from '../../../test/support/saga-table.ts';
import { decide, type OrderEvent } from '../src/domain/reservation.ts';
import type {
  HeldReservation,
  OrderedLine,
  ProductStock,
  ReleasedReservation,
  Reservation,
  WaitingReservation,
} from '../src/domain/states.ts';
import type { Limits } from '../src/domain/waiting.ts';

/** Examples for the tests of this folder. */
export const ORDER_ID = orderIdOf(1);

const ORDERED: readonly OrderedLine[] = [{ productId: 1, quantity: 3 }];

/** Wide enough for every example that is not about limits. */
export const LIMITS: Limits = { unpaidPieces: 1_000_000, waitingOrders: 1_000 };

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
    waiting: 0,
    onSale: true,
    ...change,
  };
}

export function productsOf(...products: ProductStock[]): Map<number, ProductStock> {
  return new Map(products.map((it) => [it.productId, it]));
}

export function created(change: Partial<EventDataByType['order-created']> = {}): OrderEvent {
  const untold = { createdAt: null, idempotencyKey: null, requestHash: null };
  const order = { orderId: ORDER_ID, userId: 7, couponId: null, lines: ORDERED, expectedTotal: null };
  const data = { ...order, ...untold, ...change };
  return { type: 'order-created', data, ...envelope(data.orderId, 'created') };
}

export function completed(orderId = ORDER_ID, ordered: readonly OrderedLine[] = ORDERED): OrderEvent {
  const amounts = { totalAmount: 3000, discountAmount: 0, paidAmount: 3000, completedAt: 0, steps: null };
  const lines = ordered.map((line) => ({ ...line, name: `product ${line.productId}`, unitPrice: 1000 }));
  const data = { orderId, userId: 7, couponId: null, lines, ...amounts };
  return { type: 'order-completed', data, ...envelope(orderId, 'completed') };
}

export function cancelled(orderId = ORDER_ID, lines: readonly OrderedLine[] = ORDERED): OrderEvent {
  const reason = 'ORDER_CANCELLED';
  const untold = { steps: null, requestId: null, idempotencyKey: null, requestHash: null };
  const data = { orderId, userId: 7, couponId: null, reason, wasCompleted: false, completedAt: null, lines, ...untold };
  return { type: 'order-cancelled', data, ...envelope(orderId, 'cancelled') };
}

function envelope(orderId: string, id: string) {
  const position = { topic: 'order-events', partition: 0, offset: '0' };
  return { id: `${orderId}/${id}`, time: new Date(0), key: orderId, traceparent: '00-trace-span-01', ...position };
}

const order = { orderId: ORDER_ID, userId: 7, couponId: null, waited: false };
const held = {
  ...order,
  lines: [{ productId: 1, name: 'product 1', unitPrice: 1000, quantity: 3 }],
  totalAmount: 3000,
};

export const waiting: WaitingReservation = {
  ...order,
  ...{ status: 'WAITING', waited: true, wants: ORDERED, expectedTotal: null },
};
export const active: HeldReservation = { ...held, status: 'ACTIVE' };
export const sold: HeldReservation = { ...held, status: 'SOLD' };
export const released: ReleasedReservation = { ...held, status: 'RELEASED', reason: 'ORDER_CANCELLED' };
export const rejected: Reservation = { ...order, status: 'REJECTED', reason: 'OUT_OF_STOCK' };
export const voided: Reservation = { ...order, status: 'VOID', reason: 'ORDER_CANCELLED' };

/** This service's answer in every state to every input, for the saga's page. */
export function sagaTable(): SagaTable {
  const inStock = productsOf(product(1, { available: 10, reserved: 3, sold: 3 }));
  const allHeld = productsOf(product(1, { available: 0, reserved: 3, sold: 3 }));
  const soldOut = productsOf(product(1, { available: 0, reserved: 2, sold: 4 }));
  const withdrawn = productsOf(product(1, { onSale: false }));
  const nobody = { line: new Map(), unpaid: new Map(), limits: LIMITS };
  return runDecisions(
    {
      keeps: 'reservation',
      note: 'one reservation for each order',
      files: ['domain/reservation.ts', 'usecases/reserve-stock.ts'],
    },
    {
      'no row yet': undefined,
      WAITING: waiting,
      ACTIVE: active,
      SOLD: sold,
      RELEASED: released,
      REJECTED: rejected,
      VOID: voided,
    },
    {
      'order-created': { event: created(), products: inStock },
      'order-created, pieces held': { event: created(), products: allHeld },
      'order-created, out of stock': { event: created(), products: soldOut },
      'order-created, product withdrawn': { event: created(), products: withdrawn },
      'order-created, another price expected': { event: created({ expectedTotal: 1 }), products: inStock },
      'order-completed': { event: completed(), products: inStock },
      'order-cancelled': { event: cancelled(), products: inStock },
    },
    (reservation, { event, products }) => {
      const decided = decide({ ...nobody, reservation, products }, event);
      return decided.reservation ? changed(decided.reservation.status, decided.events) : NOTHING;
    },
  );
}
