import type { DedicatedConnection, PooledDatabase, SqlValue } from '@shop/chassis';
import { type Experiment, expectSame, type Lab, type Measured } from './experiment.ts';
import { rate } from './markdown.ts';
import { timeEach } from './measure.ts';
import { type Reading, renderPlan, renderReads, renderWrites } from './query-plans-report.ts';
import { measureWrites } from './query-plans-writes.ts';
import { dailyTotals, inBatches, lastDays, popularOf, sales } from './sales.ts';
import { addDaily, createServiceTable, insertLines, LINES_INDEX, LINES_TABLE, loadOrders } from './sales-tables.ts';

const WINDOW_DAYS = 3;

/** One way of asking for the five best sold. */
interface Way {
  readonly name: string;
  readonly sql: string;
  readonly params: readonly SqlValue[];
  /** The way's own index: created before and dropped after, so that no other way uses it. */
  readonly index?: { readonly table: string; readonly name: string; readonly create: string };
}

const { days, from, to } = lastDays(WINDOW_DAYS);

const OF_ORDERS = `SELECT i.product_id AS productId, SUM(i.quantity) AS sold
  FROM orders o JOIN order_items i ON i.order_id = o.order_id
 WHERE o.status = 'COMPLETED' AND o.completed_at >= ? AND o.completed_at < ?
 GROUP BY i.product_id ORDER BY sold DESC, productId LIMIT 5`;
const OF_LINES = `SELECT product_id AS productId, SUM(quantity) AS sold
  FROM sale_lines WHERE ordered_at >= ? AND ordered_at < ?
 GROUP BY product_id ORDER BY sold DESC, productId LIMIT 5`;
const OF_DAYS = `SELECT product_id AS productId, SUM(quantity) AS sold
  FROM daily_product_sales WHERE generation = 1 AND business_day IN (?, ?, ?)
 GROUP BY product_id ORDER BY sold DESC, productId LIMIT 5`;

const window: readonly SqlValue[] = [from, to];
const orderIndex = (name: string, columns: string) => ({
  table: 'orders',
  name,
  create: `CREATE INDEX ${name} ON orders (${columns})`,
});

const WAYS: readonly Way[] = [
  { name: 'orders and their lines, the schema as it is', sql: OF_ORDERS, params: window },
  {
    name: 'with an index (completed_at)',
    sql: OF_ORDERS,
    params: window,
    index: orderIndex('orders_completed', 'completed_at'),
  },
  {
    name: 'the same, and the server is made to use it',
    sql: OF_ORDERS.replace('orders o', 'orders o FORCE INDEX (orders_completed)'),
    params: window,
    index: orderIndex('orders_completed', 'completed_at'),
  },
  {
    name: 'with an index (status, completed_at)',
    sql: OF_ORDERS,
    params: window,
    index: orderIndex('orders_status_completed', 'status, completed_at'),
  },
  { name: 'a table of lines with their time, no index', sql: OF_LINES, params: window },
  {
    name: 'the same, covering index (ordered_at, product_id, quantity)',
    sql: OF_LINES,
    params: window,
    index: { table: 'sale_lines', name: 'sale_lines_popular', create: LINES_INDEX },
  },
  { name: '`daily_product_sales`', sql: OF_DAYS, params: days },
];

export const queryPlans: Experiment = {
  name: 'query-plans',
  summary: 'popular products out of a million order lines: scan, indexes, covering index, daily totals',
  parts: ['mysql'],
  sections: ['data', 'reads', 'plans', 'writes'],
  measure,
};

async function measure({ database, quick, say }: Lab): Promise<Measured> {
  // Two lines an order on average.
  const size = quick ? { orders: 600, products: 40, days: 30 } : { orders: 500_000, products: 1_000, days: 30 };
  const { lines, totals } = await load(database, size, say);
  const expected = popularOf(totals, days);

  const connection = await database.dedicatedConnection();
  const readings: Reading[] = [];
  try {
    for (const way of WAYS) {
      say(`reading: ${way.name}`);
      const reading = await read(connection, way, quick ? 3 : 20);
      expectSame(way.name, reading.answer, expected);
      readings.push(reading.reading);
    }
  } finally {
    await connection.end();
  }
  const writes = await measureWrites({ database, products: size.products, quick, say });
  const inWindow = [...totals].filter(([key]) => days.includes(key.slice(0, 10))).length;
  return {
    figures: { size, lines, dailyRows: totals.size, rowsInWindow: inWindow, expected, readings, writes },
    sections: {
      data: [
        `${rate(size.orders)} orders (one in ten cancelled) with ${rate(lines)} lines over ${size.days} days and ${rate(size.products)} products; ` +
          `\`daily_product_sales\` has ${rate(totals.size)} rows, ${rate(inWindow)} of them of the three days.`,
      ],
      reads: renderReads(readings),
      plans: readings.flatMap(renderPlan),
      writes: renderWrites(writes),
    },
  };
}

async function load(
  database: PooledDatabase,
  size: { orders: number; products: number; days: number },
  say: (words: string) => void,
) {
  await createServiceTable(database, 'order', 'orders');
  await createServiceTable(database, 'order', 'order_items');
  await createServiceTable(database, 'ranking', 'daily_product_sales');
  await database.execute(LINES_TABLE);
  say(`loading ${rate(size.orders)} orders`);
  const lines = await loadOrders(database, sales(size));
  for (const batch of inBatches(sales(size))) await database.transaction((tx) => insertLines(tx, batch));
  const totals = dailyTotals(sales(size));
  await database.transaction((tx) => addDaily(tx, totals));
  await database.query('ANALYZE TABLE orders, order_items, sale_lines, daily_product_sales');
  return { lines, totals };
}

async function read(
  connection: DedicatedConnection,
  { name, sql, params, index }: Way,
  times: number,
): Promise<{ reading: Reading; answer: unknown }> {
  let indexSeconds: number | undefined;
  if (index) {
    const from = performance.now();
    await connection.execute(index.create);
    indexSeconds = (performance.now() - from) / 1_000;
    await connection.query(`ANALYZE TABLE ${index.table}`);
  }
  try {
    const plan = await connection.query<Record<string, unknown>>(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, params);
    // Two runs before the measurement fill the buffer pool.
    const answer = await connection.query(sql, params);
    await connection.query(sql, params);
    const reads = await countReads(connection, sql, params);
    const time = await timeEach(times, () => connection.query(sql, params));
    const analyzed = await analyze(connection, sql, params);
    const indexBytes = index && (await sizeOfIndex(connection, index.table, index.name));
    return { answer, reading: { name, sql, plan, analyzed, reads, time, indexBytes, indexSeconds } };
  } finally {
    if (index) await connection.execute(`DROP INDEX ${index.name} ON ${index.table}`);
  }
}

async function countReads(connection: DedicatedConnection, sql: string, params: readonly SqlValue[]) {
  await connection.execute('FLUSH STATUS');
  await connection.query(sql, params);
  const rows = await connection.query<{ Variable_name: string; Value: string }>(
    "SHOW SESSION STATUS LIKE 'Handler\\_read%'",
  );
  return Object.fromEntries(
    rows.map(({ Variable_name, Value }) => [Variable_name, Number(Value)] as const).filter(([, value]) => value > 0),
  );
}

/** MariaDB has no EXPLAIN ANALYZE, only EXPLAIN. */
async function analyze(connection: DedicatedConnection, sql: string, params: readonly SqlValue[]) {
  try {
    const [first] = await connection.query<Record<string, string>>(`EXPLAIN ANALYZE ${sql}`, params);
    return first && Object.values(first)[0];
  } catch (error) {
    if ((error as { errno?: number }).errno === 1064) return undefined;
    throw error;
  }
}

async function sizeOfIndex(connection: DedicatedConnection, table: string, index: string): Promise<number | undefined> {
  const [size] = await connection.query<{ bytes: number }>(
    `SELECT stat_value * @@innodb_page_size AS bytes FROM mysql.innodb_index_stats
      WHERE database_name = DATABASE() AND table_name = ? AND index_name = ? AND stat_name = 'size'`,
    [table, index],
  );
  return size?.bytes;
}
