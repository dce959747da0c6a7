import type { ProductStock, Reservation } from '../../services/catalog/src/domain/reservation.ts';
import type { ProductChange, ProductStore } from '../../services/catalog/src/usecases/change-products.ts';
import type { CatalogStore } from '../../services/catalog/src/usecases/reserve-stock.ts';
import { inMemory, type MemoryTransaction, Table } from './memory-database.ts';

/** The catalog's columns of a product besides its stock. */
export interface ProductRow extends ProductStock {
  readonly initialStock: number;
  readonly restocked: number;
  readonly version: number;
}

/** The catalog's own tables. */
export class CatalogTables {
  readonly products = new Table<ProductRow>('products');
  readonly reservations = new Table<Reservation>('reservations');
  readonly changes = new Table<ProductChange>('product_changes');
}

/** MySQL's 3819: a CHECK constraint. */
export class SimulatedCheckViolation extends Error {
  readonly errno = 3819;
  readonly sqlState = 'HY000';
  override name = 'SimulatedCheckViolation';
}

export function createMemoryCatalogStore(tables: CatalogTables): CatalogStore<MemoryTransaction> {
  return {
    async load(tx, { orderIds, productIds }) {
      await tx.statement(`lock ${orderIds.length} reservations`);
      const reservations = await tx.lock(tables.reservations, orderIds);
      const wanted = new Set(productIds);
      for (const it of reservations) if ('lines' in it) for (const line of it.lines) wanted.add(line.productId);
      await tx.statement(`lock ${wanted.size} products`);
      const keys = [...wanted].sort((a, b) => a - b).map(String);
      const products = await tx.lock(tables.products, keys);
      return {
        reservations: new Map(reservations.map((it) => [it.orderId, it])),
        products: new Map(products.map((it) => [it.productId, it])),
      };
    },

    async save(tx, { created, changed, products }) {
      await tx.statement(`save ${[...created, ...changed].map((it) => `${it.orderId} ${it.status}`).join(', ')}`);
      for (const it of created) await tx.insert(tables.reservations, it.orderId, it);
      for (const it of changed) await tx.put(tables.reservations, it.orderId, it);
      await tx.statement(`move the stock of ${products.length} products`);
      for (const { productId, available, reserved, sold } of products) {
        const row = tx.get(tables.products, String(productId));
        if (!row) throw new Error(`product ${productId} is not there`);
        const next = { ...row, available, reserved, sold };
        checkStock(next);
        await tx.put(tables.products, String(productId), next);
      }
    },
  };
}

/** The constraints of the table. */
function checkStock({ productId, available, reserved, sold, initialStock, restocked }: ProductRow): void {
  const balanced = initialStock + restocked === available + reserved + sold;
  if (available >= 0 && reserved >= 0 && sold >= 0 && balanced) return;
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
      return row && { productId, name: row.name, price: row.price, version: row.version, stockQuantity: row.available };
    },

    async update(sqlTx, { productId, name, price, stockDelta, version }) {
      const tx = inMemory(sqlTx);
      await tx.statement(`update product ${productId}`);
      const row = tx.get(tables.products, String(productId));
      if (!row) throw new Error(`product ${productId} is not there`);
      const available = row.available + stockDelta;
      const next = { ...row, name, price, version, available, restocked: row.restocked + stockDelta };
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
      return tx.get(tables.changes, requestId);
    },
  };
}
