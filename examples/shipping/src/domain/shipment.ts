import { unreachable } from '@shop/chassis/unreachable';
import type { NewEvent, ReceivedEvent } from '@shop/events';

/** The order events that shipping consumes. */
export type ShippedOrderEvent = ReceivedEvent<'order-completed' | 'order-cancelled'>;

/**
 * The record of one order. VOID: the cancellation came although no completion had been applied before (e.g. an operator
 * discarded it), so no parcel was ever requested.
 */
export interface Shipment {
  readonly orderId: string;
  readonly userId: number;
  readonly status: 'REQUESTED' | 'CANCELLED' | 'VOID';
  /** Pieces in the parcel. */
  readonly pieces: number;
}

/** The changes of a decision; none if `shipment` is absent. */
export interface Decision {
  readonly shipment?: Shipment;
  readonly events: readonly NewEvent[];
}

const NOTHING: Decision = { events: [] };

/** Decides one event of one order. A second event of the same kind finds the row written by the first. */
export function decide(shipment: Shipment | undefined, event: ShippedOrderEvent): Decision {
  switch (event.type) {
    case 'order-completed':
      return shipment ? NOTHING : request(event.data);
    case 'order-cancelled':
      return event.data.wasCompleted ? cancel(shipment, event.data) : NOTHING;
    default:
      return unreachable(event);
  }
}

function request({
  orderId,
  userId,
  lines,
}: Extract<ShippedOrderEvent, { type: 'order-completed' }>['data']): Decision {
  const parcel = lines.map(({ productId, quantity }) => ({ productId, quantity }));
  const pieces = parcel.reduce((sum, { quantity }) => sum + quantity, 0);
  return {
    shipment: { orderId, userId, status: 'REQUESTED', pieces },
    events: [{ type: 'shipment-requested', data: { orderId, userId, lines: parcel } }],
  };
}

function cancel(
  shipment: Shipment | undefined,
  { orderId, userId, reason }: Extract<ShippedOrderEvent, { type: 'order-cancelled' }>['data'],
): Decision {
  if (!shipment) return { shipment: { orderId, userId, status: 'VOID', pieces: 0 }, events: [] };
  if (shipment.status !== 'REQUESTED') return NOTHING;
  return {
    shipment: { ...shipment, status: 'CANCELLED' },
    events: [{ type: 'shipment-cancelled', data: { orderId, userId, reason } }],
  };
}
