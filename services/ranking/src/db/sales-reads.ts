import type { SqlExecutor } from '@shop/chassis';
import type { LazyPrisma } from '@shop/chassis/prisma';
import type { DayTotal } from '../domain/board.ts';
import type { ProductTotal } from '../domain/top.ts';
import type { SalesReads } from '../usecases/ports.ts';
import type { PrismaClient } from './generated/client.ts';

/** Reads of the live generation. Each is one statement, so a swap comes before or after it. */
export function createSalesReads(database: Pick<SqlExecutor, 'query'>, prisma: LazyPrisma<PrismaClient>): SalesReads {
  return {
    async dayTable(day) {
      const rows = await database.query<{ generation: number } & { [K in keyof DayTotal]: DayTotal[K] | null }>(
        `SELECT s.live_generation AS generation, d.product_id AS productId, d.quantity, d.version
           FROM ranking_state s
           LEFT JOIN daily_product_sales d ON d.generation = s.live_generation AND d.business_day = ?
          WHERE s.id = 1`,
        [day],
      );
      const [first] = rows;
      if (!first) throw new Error('ranking_state has no row');
      const totals = rows.flatMap(({ productId, quantity, version }) =>
        productId === null || quantity === null || version === null ? [] : [{ productId, quantity, version }],
      );
      return { generation: first.generation, totals };
    },

    // Only products with more sales than returns, as in the sorted sets.
    async top(days, limit) {
      return await database.query<ProductTotal>(
        `SELECT d.product_id AS productId, SUM(d.quantity) AS quantity
           FROM ranking_state s
           JOIN daily_product_sales d ON d.generation = s.live_generation AND d.business_day BETWEEN ? AND ?
          WHERE s.id = 1 AND d.quantity > 0
          GROUP BY d.product_id ORDER BY SUM(d.quantity) DESC, d.product_id LIMIT ?`,
        [days.at(-1) ?? '', days[0] ?? '', limit],
      );
    },

    async namesOf(productIds) {
      if (productIds.length === 0) return new Map();
      const rows = await (await prisma()).product.findMany({
        where: { productId: { in: [...productIds] } },
        select: { productId: true, name: true, price: true },
      });
      return new Map(rows.map(({ productId, name, price }) => [Number(productId), { name, price: Number(price) }]));
    },
  };
}
