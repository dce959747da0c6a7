import { unreachable } from '@shop/chassis/unreachable';
import { causedBy, type NewEvent, type ReceivedEvent } from '@shop/events';

/** What shipping hears about orders. */
export type ShippedOrderEvent = ReceivedEvent<'order-completed' | 'order-cancelled'>;

/**
 * What shipping knows of one order. VOID: the cancellation came although no completion had been applied before (an
 * operator discarded it, say), so nothing was ever requested.
 */
export interface Shipment {
  readonly orderId: string;
  readonly userId: number;
  readonly status: 'REQUESTED' | 'CANCELLED' | 'VOID';
  /** Pieces in the parcel. */
  readonly pieces: number;
}

/** What changes: nothing where `shipment` is absent. */
export interface Decision {
  readonly shipment?: Shipment;
  readonly events: readonly NewEvent[];
}

const NOTHING: Decision = { events: [] };

/** Decides one event of one order. A second one of the same kind finds the row that the first left. */
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

/** What a batch writes, every row once, and what it says. */
export interface DecidedBatch {
  /** Shipments that had no row. */
  readonly created: readonly Shipment[];
  /** Shipments that had one: their status changed. */
  readonly changed: readonly Shipment[];
  readonly events: readonly NewEvent[];
}

/** Decides a batch, one event after the other, each on what the ones before it left. */
export function decideBatch(before: ReadonlyMap<string, Shipment>, events: readonly ShippedOrderEvent[]): DecidedBatch {
  const shipments = new Map(before);
  const said: NewEvent[] = [];
  for (const event of events) {
    const decided = decide(shipments.get(event.data.orderId), event);
    if (decided.shipment) shipments.set(event.data.orderId, decided.shipment);
    said.push(...decided.events.map((next) => ({ ...next, cause: causedBy(event) })));
  }
  const written = [...shipments.values()].filter((it) => before.get(it.orderId) !== it);
  return {
    created: written.filter((it) => !before.has(it.orderId)),
    changed: written.filter((it) => before.has(it.orderId)),
    events: said,
  };
}
