import { causedBy, type NewEvent } from '@shop/events';
import { type CatalogState, type Decision, decide, noteUnpaid, type OrderEvent, settle } from './reservation.ts';
import type { OrderedLine, ProductStock, Reservation, WaitingReservation } from './states.ts';
import type { Limits, Unpaid, WaitingLine } from './waiting.ts';

/** The stock of some products, all locked, which also guards the line before them. An absent product does not exist. */
export interface StockSnapshot {
  readonly products: ReadonlyMap<number, ProductStock>;
  /** The orders that wait for any of the products, with all that they want; first come, first. */
  readonly line: WaitingLine;
}

/** The rows a batch needs. An absent order is unheard of. */
export interface Snapshot extends StockSnapshot {
  readonly reservations: ReadonlyMap<string, Reservation>;
  /** At least of the buyers that `buyersOf` names. */
  readonly unpaid: Unpaid;
}

/** The rows a batch writes: each row once, in its final state, however many orders touched it. */
export interface Changes {
  /** Reservations without a row before. */
  readonly created: readonly Reservation[];
  /** Reservations with a row before: status, reason and total changed. */
  readonly changed: readonly Reservation[];
  /** The reservations whose stock was reserved now, or was and has already moved on: their lines must be written. */
  readonly priced: readonly Extract<Reservation, { lines: unknown }>[];
  /** Orders that joined the line, in this order. */
  readonly joined: readonly WaitingReservation[];
  /** Ids of orders that left the line. */
  readonly left: readonly string[];
  /** Products whose stock or line changed. */
  readonly products: readonly ProductStock[];
  /** Time of the decision. */
  readonly at: Date;
}

export interface Decided {
  readonly changes: Changes;
  readonly events: NewEvent[];
}

/** The keys whose rows must be locked before the batch is decided, without repeats. */
export function keysOf(events: readonly OrderEvent[]): { orderIds: string[]; productIds: number[] } {
  const orderIds = new Set<string>();
  const productIds = new Set<number>();
  for (const event of events) {
    orderIds.add(event.data.orderId);
    for (const line of event.data.lines) productIds.add(line.productId);
  }
  return { orderIds: [...orderIds].sort(), productIds: [...productIds].sort((a, b) => a - b) };
}

/** Users and products; each of the users may reserve some of the products. */
export interface Buyers {
  readonly userIds: readonly number[];
  readonly productIds: readonly number[];
}

/**
 * The buyers whose unpaid pieces must be known. A product of which all unpaid pieces together, and all that the batch
 * wants, stay within the limit of one user needs no look.
 */
export function buyersOf({ products, line }: StockSnapshot, events: readonly OrderEvent[], limits: Limits): Buyers {
  const wishes = events.flatMap((event) =>
    event.type === 'order-created'
      ? [{ userId: event.data.userId, wants: event.data.lines as readonly OrderedLine[] }]
      : [],
  );
  const wanted = new Map<number, number>();
  for (const { wants } of [...wishes, ...line.values()]) {
    for (const { productId, quantity } of wants) wanted.set(productId, (wanted.get(productId) ?? 0) + quantity);
  }
  const near = (productId: number): boolean =>
    (products.get(productId)?.reserved ?? 0) + (wanted.get(productId) ?? 0) > limits.unpaidPieces;
  const productIds = [...wanted.keys()].filter(near).sort((a, b) => a - b);
  const some = new Set(productIds);
  const buyers = [...wishes, ...line.values()].filter(({ wants }) => wants.some((it) => some.has(it.productId)));
  return { userIds: [...new Set(buyers.map(({ userId }) => userId))].sort((a, b) => a - b), productIds };
}

/**
 * Decides a batch, one event after the other, each on the state left by those before. The result is that of deciding
 * each alone, but a product that a thousand orders want is written once. An order is refused or waits as a whole.
 */
export function decideBatch(
  snapshot: Snapshot,
  events: readonly OrderEvent[],
  { now, limits }: { readonly now: Date; readonly limits: Limits },
): Decided {
  const work = openBatch(snapshot, limits);
  for (const event of events) {
    const decision = decide(work.stateFor(event.data.orderId), event);
    work.apply(decision, causedBy(event));
    // Those in line are affected by what came back, was sold or left the line, not by who joins its end; and only if
    // they wait for one of these products.
    const moved = event.type !== 'order-created' && decision.products.some(({ waiting }) => waiting > 0);
    if (moved) work.settle(causedBy(event));
  }
  return work.close(now);
}

/** Decides those in line after an operator changed the stock or the price of a product. */
export function decideLine(
  snapshot: Snapshot,
  { now, limits }: { readonly now: Date; readonly limits: Limits },
): Decided {
  const work = openBatch(snapshot, limits);
  work.settle(undefined);
  return work.close(now);
}

/** The rows in memory while a batch is decided. */
function openBatch(snapshot: Snapshot, limits: Limits) {
  for (const { orderId, status } of snapshot.reservations.values()) {
    if (status === 'WAITING' && !snapshot.line.has(orderId)) throw new Error(`order ${orderId} waits in no known line`);
  }
  const reservations = new Map<string, Reservation>([...snapshot.reservations, ...snapshot.line]);
  const existing = new Map(reservations);
  const products = new Map(snapshot.products);
  const line = new Map(snapshot.line);
  const unpaid = new Map(snapshot.unpaid);
  const touched = new Map<string, Reservation>();
  const moved = new Set<number>();
  const published: NewEvent[] = [];
  const state: Omit<CatalogState, 'reservation'> = { products, line, unpaid, limits };

  function apply(decision: Decision, cause: NewEvent['cause']): void {
    const { reservation } = decision;
    if (reservation) {
      const { orderId } = reservation;
      noteUnpaid(unpaid, reservations.get(orderId), reservation);
      reservations.set(orderId, reservation);
      touched.set(orderId, reservation);
      if (reservation.status === 'WAITING') line.set(orderId, reservation);
      else line.delete(orderId);
    }
    for (const product of decision.products) {
      products.set(product.productId, product);
      moved.add(product.productId);
    }
    for (const next of decision.events) published.push(cause ? { ...next, cause } : next);
  }

  return {
    stateFor: (orderId: string): CatalogState => ({ ...state, reservation: reservations.get(orderId) }),
    apply,
    settle(cause: NewEvent['cause']): void {
      if (line.size > 0) for (const decision of settle(state)) apply(decision, cause);
    },
    close(at: Date): Decided {
      const all = [...touched.values()];
      const before = (it: Reservation) => existing.get(it.orderId);
      const changes: Changes = {
        created: all.filter((it) => !before(it)),
        changed: all.filter((it) => before(it)),
        priced: all.filter((it) => 'lines' in it).filter((it) => !hasLines(before(it))),
        joined: all.filter((it) => it.status === 'WAITING'),
        left: [...snapshot.line.keys()].filter((orderId) => !line.has(orderId)),
        products: [...products.values()].filter((it) => moved.has(it.productId)),
        at,
      };
      return { changes, events: published };
    },
  };
}

function hasLines(reservation: Reservation | undefined): boolean {
  return reservation !== undefined && 'lines' in reservation;
}
