import { describe, expect, it } from '@jest/globals';
import { cancelled, completed, ORDER_ID, shipment } from '../../test/examples.ts';
import { decideBatch } from './batch.ts';
import { decide } from './shipment.ts';

describe('a shipment', () => {
  it('when an order completes, then its parcel is requested', () => {
    expect(decide(undefined, completed())).toEqual({
      shipment: { orderId: ORDER_ID, userId: 7, status: 'REQUESTED', pieces: 5 },
      events: [
        {
          type: 'shipment-requested',
          data: {
            orderId: ORDER_ID,
            userId: 7,
            lines: [
              { productId: 1, quantity: 2 },
              { productId: 2, quantity: 3 },
            ],
          },
        },
      ],
    });
  });

  it('when a completed order is cancelled, then its parcel is cancelled too', () => {
    expect(decide(shipment('REQUESTED'), cancelled())).toEqual({
      shipment: shipment('CANCELLED'),
      events: [{ type: 'shipment-cancelled', data: { orderId: ORDER_ID, userId: 7, reason: 'ORDER_CANCELLED' } }],
    });
  });

  it('when a cancellation finds no shipment, then a later completion requests none', () => {
    const { shipment: voided, events } = decide(undefined, cancelled());
    expect([voided?.status, events]).toEqual(['VOID', []]);
    expect(decide(voided, completed())).toEqual({ events: [] });
  });

  it('when an order that never completed is cancelled, then no shipment is kept', () => {
    expect(decide(undefined, cancelled({ wasCompleted: false }))).toEqual({ events: [] });
  });

  it.each(['REQUESTED', 'CANCELLED', 'VOID'] as const)(
    'when a %s shipment gets the completion again, then nothing changes',
    (status) => {
      expect(decide(shipment(status), completed())).toEqual({ events: [] });
    },
  );

  it.each(['CANCELLED', 'VOID'] as const)(
    'when a %s shipment gets the cancellation again, then nothing changes',
    (status) => {
      expect(decide(shipment(status), cancelled())).toEqual({ events: [] });
    },
  );

  it('when one batch has both ends of an order, then its row is written once and both events are published', () => {
    const { created, changed, events } = decideBatch(new Map(), [completed(), cancelled()]);
    expect([created.map((it) => it.status), changed, events.map((it) => it.type)]).toEqual([
      ['CANCELLED'],
      [],
      ['shipment-requested', 'shipment-cancelled'],
    ]);
  });
});
