import type { Changes } from '../../services/catalog/src/domain/batch.ts';
import type { ProductStock, Reservation, WaitingReservation } from '../../services/catalog/src/domain/states.ts';
import type { Limits } from '../../services/catalog/src/domain/waiting.ts';
import type { MemoryTransaction, Table } from './memory-database.ts';

/** Small, so that they are met often. */
export const LIMITS: Limits = { unpaidPieces: 4, waitingOrders: 3 };

export interface WaitingRow {
  readonly order: WaitingReservation;
  readonly place: number;
}

export type StockFault =
  | { readonly kind: 'broken'; readonly sentence: string }
  /** A refusal for want of stock, with the pieces that were available or held then: judged when the run is at rest. */
  | {
      readonly kind: 'refusal';
      readonly orderId: string;
      readonly couldCome: ReadonlyMap<number, number>;
      /** Orders that gave their stock back in the same transaction: a refund may have come after the refusal. */
      readonly released: readonly string[];
    };

interface StockTables {
  readonly products: Table<ProductStock>;
  readonly reservations: Table<Reservation>;
  readonly waiting: Table<WaitingRow>;
  readonly faults: Table<StockFault>;
}

/** Looks at what a transaction is about to commit: rules of the line that no order of events may break. */
export async function lookAtStock(tx: MemoryTransaction, tables: StockTables, changes: Changes): Promise<void> {
  const broken = [
    ...lineFaults(tx, tables),
    ...overtaken(tx, tables, changes),
    ...limitFaults(tx, tables, changes),
    ...saleFaults(tx, tables, changes),
  ];
  for (const sentence of broken) await tx.put(tables.faults, `${tx.nextId()}`, { kind: 'broken', sentence });
  const touched = [...changes.created, ...changes.changed];
  const released = touched.filter(({ status }) => status === 'RELEASED').map(({ orderId }) => orderId);
  const couldCome = new Map(tx.scan(tables.products).map((it) => [it.productId, it.available + it.reserved]));
  for (const it of touched) {
    if (it.status !== 'REJECTED' || it.reason !== 'OUT_OF_STOCK') continue;
    const { orderId } = it;
    await tx.put(tables.faults, `refusal of ${orderId}`, { kind: 'refusal', orderId, couldCome, released });
  }
}

/** Nobody gets, or waits for, what is withdrawn from sale, and nobody is told so of what is not. */
function* saleFaults(tx: MemoryTransaction, tables: StockTables, { created, changed }: Changes): Iterable<string> {
  const isOnSale = (productId: number): boolean => tx.get(tables.products, String(productId))?.onSale !== false;
  for (const { order } of inLine(tx, tables)) {
    const gone = order.wants.find(({ productId }) => !isOnSale(productId));
    if (gone) yield `order ${order.orderId} waits for product ${gone.productId}, which is withdrawn`;
  }
  for (const it of [...created, ...changed]) {
    if (it.status === 'ACTIVE') {
      const gone = it.lines.find(({ productId }) => !isOnSale(productId));
      if (gone) yield `order ${it.orderId} got product ${gone.productId}, which is withdrawn`;
    }
    if (it.status === 'REJECTED' && it.reason === 'PRODUCT_WITHDRAWN') {
      if (tx.scan(tables.products).every(({ onSale }) => onSale)) {
        yield `order ${it.orderId} was told that a product is withdrawn, but all are on sale`;
      }
    }
  }
}

/** Nobody waits for what is there, nor for what cannot come. */
function* lineFaults(tx: MemoryTransaction, tables: StockTables): Iterable<string> {
  const claims = createClaims();
  for (const { order } of inLine(tx, tables)) {
    const { orderId, wants } = order;
    const stock = wants.map((want) => ({ ...want, row: tx.get(tables.products, String(want.productId)) }));
    if (stock.some(({ row, quantity }) => (row?.available ?? 0) + (row?.reserved ?? 0) < quantity)) {
      yield `order ${orderId} waits for pieces that cannot come back`;
    }
    if (isAtLimit(tx, tables, order, claims)) continue;
    if (stock.every(({ row, productId, quantity }) => (row?.available ?? 0) - claims.of(`${productId}`) >= quantity)) {
      yield `order ${orderId} waits although its pieces are there`;
    }
    claims.add(order);
  }
}

/** Pieces that orders further ahead in line wait for, by product and by `user/product`. */
interface Claims {
  of(key: string): number;
  add(order: WaitingReservation): void;
}

function createClaims(): Claims {
  const claimed = new Map<string, number>();
  const of = (key: string): number => claimed.get(key) ?? 0;
  return {
    of,
    add({ userId, wants }) {
      for (const { productId, quantity } of wants)
        for (const key of [`${productId}`, `${userId}/${productId}`]) claimed.set(key, of(key) + quantity);
    },
  };
}

function inLine(tx: MemoryTransaction, tables: StockTables): WaitingRow[] {
  return tx.scan(tables.waiting).sort((a, b) => a.place - b.place);
}

function isAtLimit(
  tx: MemoryTransaction,
  tables: StockTables,
  { userId, wants }: WaitingReservation,
  claims: Claims,
): boolean {
  return wants.some(
    ({ productId, quantity }) =>
      heldBy(tx, tables, userId, productId) + claims.of(`${userId}/${productId}`) + quantity > LIMITS.unpaidPieces,
  );
}

function heldBy(tx: MemoryTransaction, tables: StockTables, userId: number, productId: number): number {
  let pieces = 0;
  for (const it of tx.scan(tables.reservations)) {
    if (it.status !== 'ACTIVE' || it.userId !== userId) continue;
    for (const line of it.lines) if (line.productId === productId) pieces += line.quantity;
  }
  return pieces;
}

/** Who has just got pieces left those that came before, and still wait, what they wait for. */
function* overtaken(tx: MemoryTransaction, tables: StockTables, changes: Changes): Iterable<string> {
  const { created, changed, joined } = changes;
  const touched = [...created, ...changed];
  const served = touched.flatMap((it) => (it.status === 'ACTIVE' ? [it] : []));
  const isNew = new Set(joined.map(({ orderId }) => orderId));
  // A user whose orders just ended may have stood aside until now.
  const users = new Set(touched.map(({ userId }) => userId));
  const waiting = inLine(tx, tables).filter(({ order }) => !isNew.has(order.orderId) && !users.has(order.userId));
  const free = notAtLimit(tx, tables, waiting);
  for (const it of served) {
    const place = tables.waiting.committed.get(it.orderId)?.place ?? Number.POSITIVE_INFINITY;
    const before = free.filter((row) => row.place < place).flatMap(({ order }) => order.wants);
    for (const { productId } of it.lines) {
      const wanted = before.reduce((sum, want) => sum + (want.productId === productId ? want.quantity : 0), 0);
      const left = tx.get(tables.products, String(productId))?.available ?? 0;
      if (wanted > left && wanted > 0) yield `order ${it.orderId} got product ${productId} before those ahead of it`;
    }
  }
}

/** Waiting orders whose user may hold more. Pieces that a user's earlier order waits for count as held already. */
function notAtLimit(tx: MemoryTransaction, tables: StockTables, waiting: readonly WaitingRow[]): WaitingRow[] {
  const claims = createClaims();
  return waiting.filter(({ order }) => {
    if (isAtLimit(tx, tables, order, claims)) return false;
    claims.add(order);
    return true;
  });
}

function* limitFaults(tx: MemoryTransaction, tables: StockTables, { created, changed }: Changes): Iterable<string> {
  for (const it of [...created, ...changed]) {
    if (it.status !== 'ACTIVE') continue;
    for (const { productId } of it.lines) {
      const held = heldBy(tx, tables, it.userId, productId);
      if (held > LIMITS.unpaidPieces) yield `user ${it.userId} holds ${held} unpaid pieces of product ${productId}`;
    }
  }
}
