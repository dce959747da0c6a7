import { type Database, insertRows, type Transaction } from '@shop/chassis';
import { sqlCatalogStore } from '../../../services/catalog/src/db/catalog-store.ts';
import { sqlProductStore } from '../../../services/catalog/src/db/product-store.ts';
import {
  buyersOf,
  decideBatch,
  keysOf,
  type Snapshot,
  type StockSnapshot,
} from '../../../services/catalog/src/domain/batch.ts';
import type { OrderEvent } from '../../../services/catalog/src/domain/reservation.ts';
import type { ProductStore } from '../../../services/catalog/src/usecases/change-products.ts';
import { createCompanions, lockWithCompanions } from '../../../services/catalog/src/usecases/companions.ts';
import type { CatalogStore } from '../../../services/catalog/src/usecases/ports.ts';
import {
  CatalogTables,
  createMemoryCatalogStore,
  createMemoryProductStore,
  type ProductRow,
} from '../../simulation/memory-catalog-store.ts';
import type { Random } from '../../simulation/random.ts';
import { LIMITS } from '../../simulation/stock-rules.ts';
import type { Compared } from '../compare.ts';
import { AT, clear, eventOf, rowsOf } from '../rows.ts';
import { type Call, type Drawing, idOf, numberOf, someOf } from '../script.ts';

interface Ports {
  readonly catalog: CatalogStore<Transaction>;
  readonly products: ProductStore;
}

/** Product → pieces at first. Product 3 does not exist. */
const STOCK = new Map([
  [1, 2],
  [2, 4],
]);
const ORDERS = [1, 2, 3, 4];

/** An order wants the same in all of its events: each product by its own number's bits, so that lines cross. */
function linesOf(order: number, space: number) {
  return [1, 2, 3]
    .filter((product) => order === product || (order === 4 && product < 3))
    .map((product) => ({ productId: numberOf(space, product), quantity: order === 2 ? 2 : 1 }));
}

function drawEvent(random: Random, order: number, space: number): OrderEvent {
  const of = { orderId: idOf(space, 1, order), userId: numberOf(space, 1 + (order % 2)), couponId: null };
  const lines = linesOf(order, space);
  const kind = random.next();
  if (kind < 0.5) return eventOf('order-created', { ...of, lines, expectedTotal: null });
  if (kind < 0.8) {
    return eventOf('order-cancelled', { ...of, lines, reason: 'USER', wasCompleted: false, completedAt: null });
  }
  const amounts = { totalAmount: 10, discountAmount: 0, paidAmount: 10, completedAt: 0 };
  return eventOf('order-completed', {
    ...of,
    ...amounts,
    lines: lines.map((it) => ({ ...it, name: 'p', unitPrice: 10 })),
  });
}

/** As in reserve-stock.ts: lock with companions → load → decide → save. */
function reserve({ random, space }: Drawing): Call<Ports>[] {
  const orders = someOf(random, ORDERS, random.pick([1, 1, 2]));
  const events = orders.map((order) => drawEvent(random, order, space));
  const words = events.map((it) => `${it.type} ${it.data.orderId.slice(-1)}`).join(', ');
  const { orderIds, productIds } = keysOf(events);
  return [
    {
      label: `lock the stock for ${words}`,
      async run({ catalog }, tx, notes) {
        const stock = await lockWithCompanions(catalog, createCompanions(), tx, productIds);
        notes.set('stock', stock);
        return { products: [...stock.products.values()].map(stockOf), line: [...stock.line] };
      },
    },
    {
      label: `load for ${words}`,
      async run({ catalog }, tx, notes) {
        const stock = notes.get('stock') as StockSnapshot | undefined;
        if (!stock) return 'nothing is locked';
        const known = await catalog.loadReservations(tx, orderIds, buyersOf(stock, events, LIMITS));
        notes.set('snapshot', { ...stock, ...known });
        return known.reservations;
      },
    },
    {
      label: `save ${words}`,
      async run({ catalog }, tx, notes) {
        const snapshot = notes.get('snapshot') as Snapshot | undefined;
        if (!snapshot) return 'nothing is loaded';
        const { changes } = decideBatch(snapshot, events, { now: AT, limits: LIMITS });
        await catalog.save(tx, changes);
        return [...changes.created, ...changes.changed].map(({ orderId, status }) => ({ orderId, status }));
      },
    },
  ];
}

function stockOf({ productId, available, reserved, sold, waiting, onSale }: ProductRow | StockOf) {
  return { productId, available, reserved, sold, waiting, onSale };
}
type StockOf = Pick<ProductRow, 'productId' | 'available' | 'reserved' | 'sold' | 'waiting' | 'onSale'>;

/** As in change-products.ts, an operator's change of one product. */
function change({ random, space }: Drawing): Call<Ports>[] {
  const product = random.int(1, 3);
  const productId = numberOf(space, product);
  const requestId = idOf(space, 3, random.int(1, 3));
  const stockDelta = random.pick([1, 2, -1, -2]);
  return [
    {
      label: `lock product ${product}`,
      async run({ products }, tx, notes) {
        const found = await products.lock(tx, productId);
        notes.set('product', found);
        return found ? { stockQuantity: found.stockQuantity, version: found.version } : 'none';
      },
    },
    {
      label: `change the stock of product ${product} by ${stockDelta}`,
      async run({ products }, tx, notes) {
        const found = notes.get('product') as Awaited<ReturnType<ProductStore['lock']>>;
        if (!found) return 'none';
        const { name, price, onSale, version, stockQuantity } = found;
        const next = { productId, name, price, onSale, stockDelta, version: version + 1, requestId };
        await products.update(tx, { ...next, change: 'UPDATED', stockQuantity }, AT);
        await products.recordChange(tx, { ...next, change: 'UPDATED', stockQuantity: stockQuantity + stockDelta }, AT);
        return 'changed';
      },
    },
    {
      label: `find change ${requestId.slice(-1)}`,
      run: async ({ products }, tx) => (await products.findChange(tx, requestId)) ?? 'none',
    },
  ];
}

const rows = (space: number): ProductRow[] =>
  [...STOCK].map(([product, available]) => ({
    ...{ productId: numberOf(space, product), name: `p${product}`, price: 10, available, initialStock: available },
    ...{ reserved: 0, sold: 0, waiting: 0, onSale: true, restocked: 0, takenBack: 0, version: 1 },
  }));

export const catalogPart: Compared<Ports> = {
  name: 'catalog',
  draw: (drawing) => (drawing.random.chance(0.75) ? reserve(drawing) : change(drawing)),

  async onServer(database: Database, space) {
    await clear(database, ['products', 'product_changes', 'reservations', 'reservation_lines', 'waiting_lines']);
    const columns = ['product_id', 'name', 'price', 'initial_stock', 'available', 'created_at', 'updated_at'];
    const values = rows(space).map((it) => [it.productId, it.name, it.price, it.initialStock, it.available, AT, AT]);
    await insertRows(database, 'products', columns, values);
    return {
      ports: () => ({ catalog: sqlCatalogStore, products: sqlProductStore }),
      contents: async () => ({
        products: await database.query(
          'SELECT product_id AS productId, available, reserved, sold, waiting, version FROM products ORDER BY product_id',
        ),
        reservations: await database.query('SELECT order_id AS orderId, status FROM reservations ORDER BY order_id'),
        waiting: await database.query(
          'SELECT order_id AS orderId FROM waiting_lines GROUP BY order_id ORDER BY MIN(place)',
        ),
        changes: await database.query(
          'SELECT request_id AS requestId, version FROM product_changes ORDER BY request_id',
        ),
      }),
    };
  },

  onModel(space) {
    const tables = new CatalogTables();
    for (const row of rows(space)) tables.products.committed.set(String(row.productId), row);
    return {
      ports: () => ({
        catalog: createMemoryCatalogStore(tables) as CatalogStore<Transaction>,
        products: createMemoryProductStore(tables),
      }),
      contents: () => ({
        products: rowsOf(tables.products, (it) => String(it.productId)).map(
          ({ productId, available, reserved, sold, waiting, version }) => ({
            ...{ productId, available, reserved, sold, waiting, version },
          }),
        ),
        reservations: rowsOf(tables.reservations, (it) => it.orderId).map(({ orderId, status }) => ({
          orderId,
          status,
        })),
        waiting: [...tables.waiting.committed.values()]
          .sort((a, b) => a.place - b.place)
          .map(({ order }) => ({ orderId: order.orderId })),
        changes: rowsOf(tables.changes, (it) => it.requestId).map(({ requestId, version }) => ({ requestId, version })),
      }),
    };
  },
};
