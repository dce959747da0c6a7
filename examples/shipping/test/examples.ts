import type { EventDataByType } from '@shop/events';
import { changed, NOTHING, runDecisions, type SagaTable } from '../../../test/support/saga-table.ts';
import { decide, type Shipment, type ShippedOrderEvent } from '../src/domain/shipment.ts';

/** Examples for the tests of this folder. */
export const ORDER_ID = '0199c0de-0000-7000-8000-000000000001';

export const completedData: EventDataByType['order-completed'] = {
  orderId: ORDER_ID,
  userId: 7,
  couponId: null,
  lines: [
    { productId: 1, name: 'Mug', unitPrice: 500, quantity: 2 },
    { productId: 2, name: 'Lamp', unitPrice: 1_000, quantity: 3 },
  ],
  totalAmount: 4_000,
  discountAmount: 0,
  paidAmount: 4_000,
  completedAt: 0,
  steps: null,
};

export const cancelledData: EventDataByType['order-cancelled'] = {
  orderId: ORDER_ID,
  userId: 7,
  couponId: null,
  reason: 'ORDER_CANCELLED',
  wasCompleted: true,
  completedAt: 0,
  lines: [],
  steps: null,
  requestId: null,
  idempotencyKey: null,
  requestHash: null,
};

export function completed(): ShippedOrderEvent {
  return { type: 'order-completed', data: completedData, ...envelope('completed') };
}

export function cancelled(change: Partial<EventDataByType['order-cancelled']> = {}): ShippedOrderEvent {
  return { type: 'order-cancelled', data: { ...cancelledData, ...change }, ...envelope('cancelled') };
}

/** The shipment of the order of `completed`. */
export function shipment(status: Shipment['status']): Shipment {
  return { orderId: ORDER_ID, userId: 7, status, pieces: 5 };
}

function envelope(id: string) {
  const position = { topic: 'order-events', partition: 0, offset: '0' };
  return { id: `${ORDER_ID}/${id}`, time: new Date(0), key: ORDER_ID, traceparent: '00-trace-span-01', ...position };
}

/** This service's answer in every state to every input, for the saga's page. */
export function sagaTable(): SagaTable {
  return runDecisions(
    {
      keeps: 'shipment',
      note: 'one shipment for each order that completed (an example: `npm start -- --with shipping`)',
      files: ['domain/shipment.ts', 'usecases/ship-orders.ts'],
    },
    {
      'no row yet': undefined,
      REQUESTED: shipment('REQUESTED'),
      CANCELLED: shipment('CANCELLED'),
      VOID: shipment('VOID'),
    },
    {
      'order-completed': completed(),
      'order-cancelled, after completion': cancelled(),
      'order-cancelled, before': cancelled({ wasCompleted: false }),
    },
    (row, event) => {
      const decided = decide(row, event);
      return decided.shipment ? changed(decided.shipment.status, decided.events) : NOTHING;
    },
  );
}
