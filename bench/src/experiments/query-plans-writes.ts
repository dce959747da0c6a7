import { type PooledDatabase, placeholders, type SqlExecutor } from '@shop/chassis';
import { seeded } from '../profiles.ts';
import { dailyTotals, drawProduct, lastDays, orderIdOf, type Sale } from './sales.ts';
import { addDaily, insertItems, insertLines, insertOrders, LINES_INDEX, pendingOrderRow } from './sales-tables.ts';

export interface WriteCost {
  readonly name: string;
  /** Median time for 1,000 orders placed and completed. */
  readonly msPerThousand: number;
}

interface Way {
  readonly name: string;
  readonly create: readonly string[];
  readonly drop: readonly string[];
  /** Further writes of the transaction that completes the orders. */
  readonly also?: (tx: SqlExecutor, batch: readonly Sale[]) => Promise<unknown>;
}

const orderIndex = (name: string, columns: string) => ({
  create: [`CREATE INDEX ${name} ON orders (${columns})`],
  drop: [`DROP INDEX ${name} ON orders`],
});

const WAYS: readonly Way[] = [
  { name: 'nothing', create: [], drop: [] },
  { name: 'index (completed_at)', ...orderIndex('orders_completed', 'completed_at') },
  { name: 'index (status, completed_at)', ...orderIndex('orders_status_completed', 'status, completed_at') },
  {
    name: 'table of lines with the covering index',
    create: [LINES_INDEX],
    drop: ['DROP INDEX sale_lines_popular ON sale_lines'],
    also: insertLines,
  },
  { name: '`daily_product_sales`', create: [], drop: [], also: (tx, batch) => addDaily(tx, dailyTotals(batch)) },
];

const ORDERS_A_BATCH = 100;

/**
 * The cost of keeping each way's index or table. Batches of orders are placed in one transaction and completed in
 * another, like the order service does, on top of all existing rows. The ways take turns, so that other load on the
 * machine affects them equally.
 */
export async function measureWrites({
  database,
  products,
  quick,
  say,
}: {
  database: PooledDatabase;
  products: number;
  quick: boolean;
  say: (words: string) => void;
}): Promise<WriteCost[]> {
  const [rounds, batches] = quick ? [1, 2] : [3, 20];
  const times = WAYS.map((): number[] => []);
  const random = seeded(7);
  let made = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [index, way] of WAYS.entries()) {
      say(`writing, round ${round + 1} of ${rounds}: ${way.name}`);
      for (const statement of way.create) await database.execute(statement);
      for (let n = 0; n < batches; n++) {
        const batch = newOrders(made, products, random);
        made += batch.length;
        const from = performance.now();
        await placeAndComplete(database, batch, way);
        times[index]?.push(performance.now() - from);
      }
      for (const statement of way.drop) await database.execute(statement);
    }
  }
  return WAYS.map(({ name }, index) => ({
    name,
    msPerThousand: (median(times[index] ?? []) * 1_000) / ORDERS_A_BATCH,
  }));
}

async function placeAndComplete(database: PooledDatabase, batch: readonly Sale[], { also }: Way): Promise<void> {
  await database.transaction(async (tx) => {
    await insertOrders(tx, batch.map(pendingOrderRow));
    await insertItems(tx, batch);
  });
  await database.transaction(async (tx) => {
    const ids = batch.map(({ orderId }) => orderId);
    await tx.execute(
      `UPDATE orders SET status = 'COMPLETED', completed_at = ?, total_amount = 0, discount_amount = 0, paid_amount = 0
        WHERE order_id IN (${placeholders(ids.length)})`,
      [batch[0]?.at ?? new Date(), ...ids],
    );
    await also?.(tx, batch);
  });
}

/** Orders newer than all others, one a millisecond. */
function newOrders(made: number, products: number, random: () => number): Sale[] {
  const after = lastDays(1).to.getTime();
  return Array.from({ length: ORDERS_A_BATCH }, (_, n): Sale => {
    const at = new Date(after + made + n);
    const productId = drawProduct(products - 1, random());
    return {
      orderId: orderIdOf(at, made + n),
      userId: 1 + Math.floor(random() * 10_000),
      at,
      completed: true,
      lines: [
        { productId, quantity: 1 },
        { productId: productId + 1, quantity: 2 },
      ],
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
