import { unreachable } from '@shop/chassis/unreachable';
import { deriveEventId, type ReceivedEvent } from '@shop/events';
import { decide, type OrderEvent } from './reservation.ts';
import type { Reservation } from './states.ts';

/** The events that the catalog publishes, read again by a schema restored from a backup. */
export const CATALOG_FACTS = ['stock-awaited', 'stock-reserved', 'stock-rejected', 'product-changed'] as const;
export type CatalogFact = ReceivedEvent<(typeof CATALOG_FACTS)[number]>;
export type StockFact = ReceivedEvent<'stock-awaited' | 'stock-reserved' | 'stock-rejected'>;
export type ChangeFact = ReceivedEvent<'product-changed'>;

/** A fact that contradicts the schema: a fault of the backup or of an earlier recovery. */
export class ContradictingFact extends Error {
  override readonly name = 'ContradictingFact';
}

/**
 * The consumed events that a fact answers: the order-created of its order. Its cause may be the end of another order
 * that gave pieces back. What that one did to its own reservation no fact tells, so it is not answered.
 */
export function answersOf(fact: CatalogFact): string[] {
  return isWithoutLines(fact) ? [] : [answeredBy(fact.type, fact.key) ?? []].flat();
}

/** The id of the event that an event of this type and key answers, if any. */
export function answeredBy(type: string, key: string): string | undefined {
  return type === 'product-changed' ? undefined : deriveEventId(key, 'order-created');
}

/** Whether only the order-created tells what this order waits for: the event is older than its field `lines`. */
function isWithoutLines(fact: CatalogFact): boolean {
  return fact.type === 'stock-awaited' && fact.data.lines === null;
}

/**
 * The reservation after a fact; undefined where it tells nothing new. Nothing is decided. The order of the facts of one
 * order does not matter.
 */
export function effectOf(fact: StockFact, before: Reservation | undefined): Reservation | undefined {
  const { orderId, userId, couponId } = fact.data;
  const order = { orderId, userId, couponId, waited: before?.waited ?? false };
  switch (fact.type) {
    case 'stock-awaited': {
      if (before) return before.waited ? undefined : { ...before, waited: true };
      const { lines, expectedTotal } = fact.data;
      return { ...order, status: 'WAITING', waited: true, wants: lines ?? [], expectedTotal };
    }
    case 'stock-reserved': {
      if (before && 'lines' in before) return undefined;
      if (before && before.status !== 'WAITING') throw contradiction(fact, before);
      const { lines, totalAmount } = fact.data;
      return { ...order, status: 'ACTIVE', lines, totalAmount };
    }
    case 'stock-rejected': {
      if (before?.status === 'REJECTED') return undefined;
      if (before && before.status !== 'WAITING') throw contradiction(fact, before);
      return { ...order, status: 'REJECTED', reason: fact.data.reason };
    }
    default:
      return unreachable(fact);
  }
}

function contradiction(fact: StockFact, { orderId, status }: Reservation): ContradictingFact {
  return new ContradictingFact(`${fact.type} of order ${orderId}, whose reservation is ${status}`);
}

/**
 * The reservation after its order ended; undefined where that changes nothing. The rule is that of live operation. The
 * stock that moves is left out: a recovery counts it once all reservations are known.
 * @param acceptGaps an operator knows that some facts are missing: what a completed order bought, its event tells
 */
export function endOf(
  event: OrderEvent,
  reservation: Reservation | undefined,
  acceptGaps: boolean,
): Reservation | undefined {
  if (acceptGaps && event.type === 'order-completed' && (!reservation || reservation.status === 'WAITING'))
    return boughtBy(event, reservation?.waited ?? false);
  const lines = [...event.data.lines, ...(reservation && 'lines' in reservation ? reservation.lines : [])];
  const uncounted = { name: '', price: 0, available: 0, reserved: 0, sold: 0, waiting: 0, onSale: true };
  const products = new Map(lines.map(({ productId }) => [productId, { productId, ...uncounted }]));
  const limits = { unpaidPieces: 0, waitingOrders: 0 };
  return decide({ reservation, products, line: new Map(), unpaid: new Map(), limits }, event).reservation;
}

function boughtBy({ data }: ReceivedEvent<'order-completed'>, waited: boolean): Reservation {
  const { orderId, userId, couponId, totalAmount } = data;
  const lines = data.lines.map(({ productId, name, unitPrice, quantity }) => ({
    productId,
    name,
    unitPrice,
    quantity,
  }));
  return { status: 'SOLD', orderId, userId, couponId, waited, lines, totalAmount };
}

/** A product without the counts of what its reservations hold. */
export interface ProductFacts {
  readonly productId: number;
  readonly name: string;
  /** Won. */
  readonly price: number;
  /** Pieces, as are the next two. */
  readonly initialStock: number;
  readonly restocked: number;
  readonly takenBack: number;
  readonly onSale: boolean;
  readonly version: number;
}

/**
 * The product after an operator's change. `early`: a change before this one is missing.
 * @param acceptGaps an operator knows that some are missing
 */
export function changedProduct(
  { data }: ChangeFact,
  before: ProductFacts | undefined,
  acceptGaps: boolean,
): ProductFacts | 'early' {
  const { productId, change, name, price, stockDelta, version } = data;
  const onSale = data.onSale ?? before?.onSale ?? true;
  const present = { productId, name, price, onSale, version };
  if (!before && change === 'CREATED') return { ...present, initialStock: stockDelta, restocked: 0, takenBack: 0 };
  if (version <= (before?.version ?? 0))
    throw new ContradictingFact(`change ${version} of product ${productId} is unknown, but there were later ones`);
  if (!acceptGaps && version !== (before?.version ?? 0) + 1) return 'early';
  const { initialStock = 0, restocked = 0, takenBack = 0 } = before ?? {};
  const after = { restocked: restocked + Math.max(0, stockDelta), takenBack: takenBack + Math.max(0, -stockDelta) };
  return withPieces({ ...present, initialStock, ...after }, 0);
}

/** All pieces of a product, wherever they are. */
export function piecesOf({ initialStock, restocked, takenBack }: ProductFacts): number {
  return initialStock + restocked - takenBack;
}

/** The product with at least so many pieces: where changes are missing, they are taken for restocks. */
export function withPieces<P extends ProductFacts>(product: P, least: number): P {
  return { ...product, restocked: product.restocked + Math.max(0, least - piecesOf(product)) };
}
