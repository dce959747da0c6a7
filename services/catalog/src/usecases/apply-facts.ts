import type { IdempotencyClaim } from '@shop/chassis';
import { FactsIncompleteError } from '@shop/events';
import {
  type CatalogFact,
  type ChangeFact,
  changedProduct,
  effectOf,
  endOf,
  type ProductFacts,
  type StockFact,
} from '../domain/facts.ts';
import type { OrderEvent } from '../domain/reservation.ts';
import type { Reservation } from '../domain/states.ts';
import { createScope, OPERATORS, updateScope } from './change-products.ts';

export interface Dated<T> {
  readonly value: T;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type RestoredKey = IdempotencyClaim & { readonly createdAt: Date };

/** The reservations that a batch of facts changes, each in its state after the last of them. */
export interface RestoredReservations {
  readonly before: ReadonlyMap<string, Reservation>;
  /** In the order in which their orders came. */
  readonly after: readonly Dated<Reservation>[];
}

/** Stores facts. Locks: idempotency keys, products by product id, reservations by order id, as everywhere here. */
export interface FactStore<Tx> {
  /** The request ids whose change is recorded. */
  knownChanges(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>>;
  restoreKeys(tx: Tx, keys: readonly RestoredKey[]): Promise<void>;
  /** Locks and reads; the ids are sorted. */
  loadProducts(tx: Tx, productIds: readonly number[]): Promise<ReadonlyMap<number, ProductFacts>>;
  /** Until the stock is counted, all pieces of these products are noted as sold, so that none can be sold again. */
  saveProducts(tx: Tx, products: readonly Dated<ProductFacts>[]): Promise<void>;
  recordChanges(tx: Tx, changes: readonly ChangeFact[]): Promise<void>;
  /** Locks and reads; the ids are sorted. */
  loadReservations(tx: Tx, orderIds: readonly string[]): Promise<ReadonlyMap<string, Reservation>>;
  /** Writes reservations, their lines, and who joined or left the line; no stock. */
  saveReservations(tx: Tx, reservations: RestoredReservations): Promise<void>;
}

/**
 * Restores the effects of the catalog's events: products, changes and their keys, reservations and the line. Existing
 * rows stay as they are, nothing is decided, nothing is published, and no stock is counted.
 * @throws FactsIncompleteError when facts follow on something that is missing (yet)
 */
export function createApplyFacts<Tx>(store: FactStore<Tx>) {
  return async (tx: Tx, facts: readonly CatalogFact[], { acceptGaps }: { acceptGaps: boolean }): Promise<void> => {
    const changes = facts.flatMap((fact) => (fact.type === 'product-changed' ? [fact] : []));
    if (changes.length > 0) await applyChanges(tx, store, changes, acceptGaps);
    const stock = facts.flatMap((fact) => (fact.type === 'product-changed' ? [] : [fact]));
    if (stock.length > 0) await restoreReservations(tx, store, stock, effectOf);
  };
}

/** Restores what the ends of orders did to their reservations; the stock is counted afterwards. */
export function createApplyEnds<Tx>(store: FactStore<Tx>, { acceptGaps }: { acceptGaps: boolean }) {
  return async (tx: Tx, ends: readonly OrderEvent[]): Promise<void> => {
    await restoreReservations(tx, store, ends, (event, before) => endOf(event, before, acceptGaps));
  };
}

async function applyChanges<Tx>(
  tx: Tx,
  store: FactStore<Tx>,
  all: readonly ChangeFact[],
  acceptGaps: boolean,
): Promise<void> {
  const known = await store.knownChanges(
    tx,
    all.map(({ data }) => data.requestId),
  );
  const changes = all
    .filter(({ data }) => !known.has(data.requestId))
    .toSorted((a, b) => a.data.productId - b.data.productId || a.data.version - b.data.version);
  if (changes.length === 0) return;
  await store.restoreKeys(tx, changes.flatMap(keyOf));
  const products = new Map(await store.loadProducts(tx, [...new Set(changes.map(({ data }) => data.productId))]));
  const saved = new Map<number, Dated<ProductFacts>>();
  for (const change of changes) {
    const { productId, version } = change.data;
    const value = changedProduct(change, products.get(productId), acceptGaps);
    if (value === 'early')
      throw new FactsIncompleteError(`change ${version} of product ${productId} is there, but not the one before it`);
    products.set(productId, value);
    const createdAt = saved.get(productId)?.createdAt ?? change.time;
    saved.set(productId, { value, createdAt, updatedAt: change.time });
  }
  await store.saveProducts(tx, [...saved.values()]);
  await store.recordChanges(tx, changes);
}

function keyOf({ data, time }: ChangeFact): RestoredKey[] {
  const { productId, idempotencyKey: key, requestHash, requestId } = data;
  if (key === null || requestHash === null) return [];
  const scope = data.change === 'CREATED' ? createScope : updateScope(productId);
  return [{ userId: OPERATORS, scope, key, requestHash, requestId, createdAt: time }];
}

async function restoreReservations<Tx, E extends StockFact | OrderEvent>(
  tx: Tx,
  store: FactStore<Tx>,
  events: readonly E[],
  afterEvent: (event: E, reservation: Reservation | undefined) => Reservation | undefined,
): Promise<void> {
  const orderIds = [...new Set(events.map(({ data }) => data.orderId))].sort();
  const before = await store.loadReservations(tx, orderIds);
  const after = new Map<string, Dated<Reservation>>();
  for (const event of events) {
    const { orderId } = event.data;
    const earlier = after.get(orderId);
    const value = afterEvent(event, earlier?.value ?? before.get(orderId));
    if (value) after.set(orderId, { value, createdAt: earlier?.createdAt ?? event.time, updatedAt: event.time });
  }
  if (after.size > 0) await store.saveReservations(tx, { before, after: [...after.values()] });
}
