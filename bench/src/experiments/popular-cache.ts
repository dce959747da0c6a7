import type { PooledDatabase } from '@shop/chassis';
import { type Experiment, expectSame, type Lab, type Measured, type Redis } from './experiment.ts';
import { header, milliseconds, rate, row } from './markdown.ts';
import { type CallersRun, runCallers } from './measure.ts';
import { dailyTotals, inBatches, lastDays, type Popular, popularOf, sales } from './sales.ts';
import { addDaily, createServiceTable, insertLines, LINES_INDEX, LINES_TABLE } from './sales-tables.ts';

const { days, from, to } = lastDays(3);
/** Longest age of an answer, ms. */
const SHORT_MS = 1_000;

interface Way {
  readonly name: string;
  readonly read: () => Promise<readonly Popular[]>;
}

interface CacheRun extends CallersRun {
  readonly way: string;
}

export const popularCache: Experiment = {
  name: 'popular-cache',
  summary: 'reading popular products: MySQL aggregates, Redis union each time, short-lived union, cache in the process',
  parts: ['mysql', 'redis'],
  sections: ['data', 'reads'],
  measure,
};

async function measure({ database, quick, say, prefix, openRedis }: Lab): Promise<Measured> {
  const size = quick ? { orders: 600, products: 40, days: 30 } : { orders: 500_000, products: 1_000, days: 30 };
  await createServiceTable(database, 'ranking', 'daily_product_sales');
  await database.execute(LINES_TABLE);
  await database.execute(LINES_INDEX);
  say(`loading the lines of ${rate(size.orders)} orders`);
  let lines = 0;
  for (const batch of inBatches(sales(size))) lines += await database.transaction((tx) => insertLines(tx, batch));
  const totals = dailyTotals(sales(size));
  await database.transaction((tx) => addDaily(tx, totals));
  await database.query('ANALYZE TABLE sale_lines, daily_product_sales');
  const redis = await openRedis();
  await fillSortedSets(redis, prefix, totals);

  const expected = popularOf(totals, days).map(({ sold }) => sold);
  const ways = waysOf(database, redis, prefix);
  const runs: CacheRun[] = [];
  for (const way of ways) {
    for (const callers of quick ? [5] : [1, 50, 200]) {
      say(`${way.name}: ${callers} callers`);
      await runCallers(callers, quick ? 0.02 : 0.5, way.read);
      runs.push({ way: way.name, ...(await runCallers(callers, quick ? 0.1 : 4, way.read)) });
      const answer = await way.read();
      // Products with equal sales may come in any order.
      expectSame(
        `${way.name}: pieces sold of the five best`,
        answer.map(({ sold }) => sold),
        expected,
      );
    }
  }
  return {
    figures: { size, lines, dailyRows: totals.size, expected, runs },
    sections: {
      data: [
        `${rate(lines)} lines of completed orders over ${size.days} days and ${rate(size.products)} products, with the covering index; ` +
          `${rate(totals.size)} rows of \`daily_product_sales\`; a sorted set a day.`,
      ],
      reads: renderReads(ways, runs),
    },
  };
}

function waysOf(database: PooledDatabase, redis: Redis, prefix: string): Way[] {
  const daily = days.map((day) => `${prefix}${day}`);
  const union = `${prefix}union`;

  const unionEachTime = async () => {
    const answers = await redis
      .multi()
      .zunionstore(`${union}:each`, daily.length, ...daily)
      .zrevrange(`${union}:each`, 0, 4, 'WITHSCORES')
      .exec();
    return fromScores(answers?.[1]?.[1] as string[]);
  };
  return [
    {
      name: '(a) MySQL, aggregate over the lines',
      read: () =>
        database.query<Popular>(
          `SELECT product_id AS productId, SUM(quantity) AS sold FROM sale_lines
            WHERE ordered_at >= ? AND ordered_at < ? GROUP BY product_id ORDER BY sold DESC, productId LIMIT 5`,
          [from, to],
        ),
    },
    {
      name: '(b) MySQL, `daily_product_sales`',
      read: () =>
        database.query<Popular>(
          `SELECT product_id AS productId, SUM(quantity) AS sold FROM daily_product_sales
            WHERE generation = 1 AND business_day IN (?, ?, ?) GROUP BY product_id ORDER BY sold DESC, productId LIMIT 5`,
          days,
        ),
    },
    { name: '(c) Redis, `ZUNIONSTORE` each time', read: unionEachTime },
    {
      name: '(d) Redis, union key of one second',
      async read() {
        const known = await redis.zrevrange(union, 0, 4, 'WITHSCORES');
        if (known.length > 0) return fromScores(known);
        // Several callers may find the union missing and compute it at once, which is harmless.
        const answers = await redis
          .multi()
          .zunionstore(union, daily.length, ...daily)
          .pexpire(union, SHORT_MS)
          .zrevrange(union, 0, 4, 'WITHSCORES')
          .exec();
        return fromScores(answers?.[2]?.[1] as string[]);
      },
    },
    { name: '(e) in the process, one second, single flight over (c)', read: cached(unionEachTime, SHORT_MS) },
  ];
}

/**
 * Shares one read among all callers that ask while it is under way or within `ms` after it. A failed read is not kept.
 */
export function cached<T>(read: () => Promise<T>, ms: number): () => Promise<T> {
  let current: { readonly value: Promise<T>; until: number } | undefined;
  return () => {
    if (current && performance.now() < current.until) return current.value;
    const flight = { value: read(), until: Number.POSITIVE_INFINITY };
    current = flight;
    flight.value.then(
      () => {
        flight.until = performance.now() + ms;
      },
      () => {
        flight.until = 0;
      },
    );
    return flight.value;
  };
}

async function fillSortedSets(redis: Redis, prefix: string, totals: ReadonlyMap<string, number>): Promise<void> {
  for (const batch of inBatches(totals)) {
    const pipeline = redis.pipeline();
    for (const [key, sold] of batch) pipeline.zadd(`${prefix}${key.slice(0, 10)}`, sold, key.slice(11));
    await pipeline.exec();
  }
}

/** Redis's form of answer: `[member, score, member, score, …]`. */
function fromScores(answer: readonly string[]): Popular[] {
  return Array.from({ length: answer.length / 2 }, (_, index) => ({
    productId: Number(answer[2 * index]),
    sold: Number(answer[2 * index + 1]),
  }));
}

function renderReads(ways: readonly Way[], runs: readonly CacheRun[]): string[] {
  const callers = [...new Set(runs.map((run) => run.callers))];
  const counted = callers.map((count) => (count === 1 ? '1 caller' : `${count} callers`));
  return [
    ...header(['way', ...counted.flatMap((words) => [`${words}: reads a second`, 'p95 ms']), 'failed']),
    ...ways.map(({ name }) => {
      const own = runs.filter((run) => run.way === name);
      const failed = own.flatMap((run) => Object.values(run.failures)).reduce((sum, count) => sum + count, 0);
      return row([
        name,
        ...own.flatMap((run) => [rate(run.perSecond), fine(run.latency.p95)]),
        failed === 0 ? '0' : `${failed}`,
      ]);
    }),
  ];
}

/** More digits, since answers from memory take microseconds. */
const fine = (ms: number): string => (ms < 0.1 ? ms.toFixed(3) : milliseconds(ms));
