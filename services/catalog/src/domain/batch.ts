import { causedBy, type NewEvent } from '@shop/events';
import { decide, type OrderEvent, type ProductStock, type Reservation } from './reservation.ts';

/** The rows a batch needs, all locked. A product or order that is absent does not exist. */
export interface Snapshot {
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly products: ReadonlyMap<number, ProductStock>;
}

/** The rows a batch writes: each row once, in its final state, however many orders touched it. */
export interface Changes {
  /** Reservations without a row before. */
  readonly created: readonly Reservation[];
  /** Reservations with a row before: status and reason changed. */
  readonly changed: readonly Reservation[];
  /** Products whose stock moved. */
  readonly products: readonly ProductStock[];
  /** Time of the decision. */
  readonly at: Date;
}

/** The keys whose rows must be locked before the batch is decided, without repeats. */
export function keysOf(events: readonly OrderEvent[]): { orderIds: string[]; productIds: number[] } {
  const orderIds = new Set<string>();
  const productIds = new Set<number>();
  for (const event of events) {
    orderIds.add(event.data.orderId);
    if (event.type === 'order-created') for (const line of event.data.lines) productIds.add(line.productId);
  }
  return { orderIds: [...orderIds].sort(), productIds: [...productIds].sort((a, b) => a - b) };
}

/**
 * Decides a batch, one event after the other, each on the state left by those before. The result is that of deciding
 * each alone, but a product that a thousand orders want is written once. An order that does not fit is refused as a
 * whole; later ones may fit.
 */
export function decideBatch(
  snapshot: Snapshot,
  events: readonly OrderEvent[],
  now: Date,
): { changes: Changes; events: NewEvent[] } {
  const reservations = new Map(snapshot.reservations);
  const products = new Map(snapshot.products);
  const touched = new Map<string, Reservation>();
  const moved = new Set<number>();
  const published: NewEvent[] = [];

  for (const event of events) {
    const { orderId } = event.data;
    const decision = decide({ reservation: reservations.get(orderId), products }, event);
    if (decision.reservation) {
      reservations.set(orderId, decision.reservation);
      touched.set(orderId, decision.reservation);
    }
    for (const product of decision.products) {
      products.set(product.productId, product);
      moved.add(product.productId);
    }
    for (const next of decision.events) published.push({ ...next, cause: causedBy(event) });
  }

  return {
    changes: {
      created: [...touched.values()].filter((it) => !snapshot.reservations.has(it.orderId)),
      changed: [...touched.values()].filter((it) => snapshot.reservations.has(it.orderId)),
      products: [...products.values()].filter((it) => moved.has(it.productId)),
      at: now,
    },
    events: published,
  };
}
