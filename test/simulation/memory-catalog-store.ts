import type { ProductStock, Reservation } from '../../services/catalog/src/domain/states.ts';
import { unpaidKey } from '../../services/catalog/src/domain/waiting.ts';
import {
  type ProductChange,
  type ProductStore,
  shownProduct,
} from '../../services/catalog/src/usecases/change-products.ts';
import type { CatalogStore } from '../../services/catalog/src/usecases/ports.ts';
import { inMemory, type MemoryTransaction, Table } from './memory-database.ts';
import { lookAtStock, type StockFault, type WaitingRow } from './stock-rules.ts';

/** The catalog's columns of a product besides its stock. */
export interface ProductRow extends ProductStock {
  readonly initialStock: number;
  readonly restocked: number;
  readonly takenBack: number;
  readonly version: number;
}

/** The catalog's own tables. */
export class CatalogTables {
  readonly products: Table<ProductRow> = new Table('products');
  readonly reservations = new Table<Reservation>('reservations');
  readonly changes = new Table<ProductChange>('product_changes');
  /** Orders that wait, by order id. */
  readonly waiting = new Table<WaitingRow>('waiting_lines');
  /** What the rules of stock-rules.ts found, committed with what broke them. */
  readonly faults = new Table<StockFault>('faults');
}

/** MySQL's 3819: a CHECK constraint. */
export class SimulatedCheckViolation extends Error {
  readonly errno = 3819;
  readonly sqlState = 'HY000';
  override name = 'SimulatedCheckViolation';
}

export function createMemoryCatalogStore(tables: CatalogTables): CatalogStore<MemoryTransaction> {
  return {
    async lockStock(tx, productIds) {
      await tx.statement(`lock ${productIds.length} products`);
      const rows = await tx.lock(tables.products, productIds.map(String));
      const awaited = new Set(rows.filter(({ waiting }) => waiting > 0).map(({ productId }) => productId));
      if (awaited.size > 0) await tx.statement('read the line');
      const line = tx
        .scan(tables.waiting)
        .filter(({ order }) => order.wants.some(({ productId }) => awaited.has(productId)))
        .sort((a, b) => a.place - b.place);
      return {
        products: new Map(rows.map((it) => [it.productId, it])),
        line: new Map(line.map(({ order }) => [order.orderId, order])),
      };
    },

    async loadReservations(tx, orderIds, { userIds, productIds }) {
      await tx.statement(`lock ${orderIds.length} reservations`);
      const reservations = await tx.lock(tables.reservations, orderIds);
      const unpaid = new Map<string, number>();
      for (const it of tx.scan(tables.reservations)) {
        if (it.status !== 'ACTIVE' || !userIds.includes(it.userId)) continue;
        for (const { productId, quantity } of it.lines) {
          const key = unpaidKey(it.userId, productId);
          if (productIds.includes(productId)) unpaid.set(key, (unpaid.get(key) ?? 0) + quantity);
        }
      }
      return { reservations: new Map(reservations.map((it) => [it.orderId, withoutWants(it)])), unpaid };
    },

    async save(tx, changes) {
      const { created, changed, joined, left, products } = changes;
      await tx.statement(`save ${[...created, ...changed].map((it) => `${it.orderId} ${it.status}`).join(', ')}`);
      for (const it of created) await tx.insert(tables.reservations, it.orderId, it);
      for (const it of changed) await tx.put(tables.reservations, it.orderId, it);
      if (joined.length + left.length > 0)
        await tx.statement(`${joined.length} join the line, ${left.length} leave it`);
      for (const order of joined) await tx.insert(tables.waiting, order.orderId, { order, place: tx.nextId() });
      for (const orderId of left) await tx.put(tables.waiting, orderId, undefined);
      await tx.statement(`move the stock of ${products.length} products`);
      for (const { productId, available, reserved, sold, waiting } of products) {
        const row = tx.get(tables.products, String(productId));
        if (!row) throw new Error(`product ${productId} is not there`);
        const next = { ...row, available, reserved, sold, waiting };
        checkStock(next);
        await tx.put(tables.products, String(productId), next);
      }
      await lookAtStock(tx, tables, changes);
    },
  };
}

/** As the row in MySQL: what a waiting order wants stands in the line alone. */
function withoutWants(it: Reservation): Reservation {
  return it.status === 'WAITING' ? { ...it, wants: [], expectedTotal: null } : it;
}

/** The constraints of the table. */
function checkStock({ productId, available, reserved, sold, waiting, ...row }: ProductRow): void {
  const balanced = row.initialStock + row.restocked - row.takenBack === available + reserved + sold;
  if (available >= 0 && reserved >= 0 && sold >= 0 && waiting >= 0 && balanced) return;
  throw new SimulatedCheckViolation(`stock of product ${productId}: ${available} + ${reserved} + ${sold}`);
}

/** The product store of the operators' use cases. */
export function createMemoryProductStore(tables: CatalogTables): ProductStore {
  return {
    insert() {
      throw new Error('the simulation creates no products');
    },

    async lock(sqlTx, productId) {
      const tx = inMemory(sqlTx);
      await tx.statement(`lock product ${productId}`);
      const [row] = await tx.lock(tables.products, [String(productId)]);
      if (!row) return undefined;
      const { name, price, version, onSale } = row;
      return { name, price, version, onSale, stockQuantity: row.available };
    },

    async update(sqlTx, { productId, name, price, stockDelta, onSale, version }) {
      const tx = inMemory(sqlTx);
      await tx.statement(`update product ${productId}`);
      const row = tx.get(tables.products, String(productId));
      if (!row) throw new Error(`product ${productId} is not there`);
      const available = row.available + stockDelta;
      const restocked = row.restocked + Math.max(0, stockDelta);
      const takenBack = row.takenBack + Math.max(0, -stockDelta);
      const next = { ...row, name, price, onSale, version, available, restocked, takenBack };
      checkStock(next);
      await tx.put(tables.products, String(productId), next);
    },

    async recordChange(sqlTx, change) {
      const tx = inMemory(sqlTx);
      await tx.statement(`record the change of product ${change.productId}`);
      await tx.insert(tables.changes, change.requestId, change);
    },

    async findChange(sqlTx, requestId) {
      const tx = inMemory(sqlTx);
      await tx.statement('find a change');
      const change = tx.get(tables.changes, requestId);
      return change && shownProduct(change);
    },
  };
}
