import { insertRows, placeholders, type SqlValue, type Transaction } from '@shop/chassis';
import type { DayTotal } from '../domain/board.ts';
import type { Sale } from '../domain/sales.ts';
import type { ChangedDay, RankingState, SalesStore } from '../usecases/ports.ts';

const FIRST_GENERATION = 1;

/**
 * Totals and names in MySQL. A batch takes at most five statements, whatever its size.
 *
 * Lock order: ranking_state (shared; a swap locks it exclusively), the inbox of a generation being rebuilt,
 * daily_product_sales by generation, day and product, products by id. The upserts insert in that order, and lock an
 * existing row exclusively at once.
 */
export const sqlSalesStore: SalesStore = {
  // LOCK IN SHARE MODE, because MariaDB does not know FOR SHARE.
  generations: (tx) => readState(tx, 'LOCK IN SHARE MODE'),

  async add(tx, generation, sales, at) {
    await insertRows(
      tx,
      'daily_product_sales',
      ['generation', 'business_day', 'product_id', 'quantity', 'version', 'updated_at'],
      sales.map(({ day, productId, quantity }) => [generation, day, productId, quantity, 1, at]),
      {
        onDuplicateUpdate:
          'quantity = quantity + VALUES(quantity), version = version + 1, updated_at = VALUES(updated_at)',
      },
    );
    return await totalsAfter(tx, generation, sales);
  },

  async keepNames(tx, names, at) {
    // Most orders name known products: these rows are left alone, so that not every batch locks them.
    const lines = names.filter(({ version }) => version === 0);
    const known = new Set(
      await knownProducts(
        tx,
        lines.map(({ productId }) => productId),
      ),
    );
    const news = names.filter(({ productId, version }) => version > 0 || !known.has(productId));
    if (news.length === 0) return;
    // Assignments run from left to right: the version is compared before it changes.
    const better = (column: string) => `${column} = IF(VALUES(version) > version, VALUES(${column}), ${column})`;
    await insertRows(
      tx,
      'products',
      ['product_id', 'name', 'price', 'version', 'updated_at'],
      news.map((it) => [it.productId, it.name, it.price, it.version, at]),
      { onDuplicateUpdate: ['name', 'price', 'updated_at', 'version'].map(better).join(', ') },
    );
  },
};

/** Reads the one row of ranking_state, under a lock. Inserts it if it is missing. */
export async function readState(tx: Transaction, lock: 'LOCK IN SHARE MODE' | 'FOR UPDATE'): Promise<RankingState> {
  for (;;) {
    const [row] = await tx.query<StateRow>(
      `SELECT live_generation AS live, next_generation AS next, replay_id AS replayId,
              DATE_FORMAT(first_day, '%Y-%m-%d') AS firstDay, DATE_FORMAT(copied_day, '%Y-%m-%d') AS copiedDay
         FROM ranking_state WHERE id = 1 ${lock}`,
    );
    if (row) {
      const { live, next, replayId, firstDay, copiedDay } = row;
      const days = { firstDay: firstDay ?? undefined, copiedDay: copiedDay ?? undefined };
      return { live, next: next === null ? undefined : { generation: next, ...days }, replayId: replayId ?? undefined };
    }
    const columns = ['id', 'live_generation', 'updated_at'];
    await insertRows(tx, 'ranking_state', columns, [[1, FIRST_GENERATION, new Date()]], { ignore: true });
  }
}

interface StateRow {
  live: number;
  next: number | null;
  replayId: number | null;
  firstDay: string | null;
  copiedDay: string | null;
}

/** The totals after this transaction's changes, whose rows it holds. One range of the primary key for each day. */
async function totalsAfter(tx: Transaction, generation: number, sales: readonly Sale[]): Promise<ChangedDay[]> {
  const days = Map.groupBy(sales, ({ day }) => day);
  const params: SqlValue[] = [];
  const selects = [...days].map(([day, ofDay]) => {
    params.push(day, generation, day, ...ofDay.map(({ productId }) => productId));
    return `SELECT ? AS day, product_id AS productId, quantity, version FROM daily_product_sales
             WHERE generation = ? AND business_day = ? AND product_id IN (${placeholders(ofDay.length)})`;
  });
  const rows = await tx.query<DayTotal & { day: string }>(selects.join(' UNION ALL '), params);
  return [...Map.groupBy(rows, ({ day }) => day)].map(([day, ofDay]) => ({
    day,
    totals: ofDay.map(({ productId, quantity, version }) => ({ productId, quantity, version })),
  }));
}

async function knownProducts(tx: Transaction, productIds: readonly number[]): Promise<number[]> {
  if (productIds.length === 0) return [];
  const rows = await tx.query<{ productId: number }>(
    `SELECT product_id AS productId FROM products WHERE product_id IN (${placeholders(productIds.length)})`,
    productIds,
  );
  return rows.map(({ productId }) => productId);
}
