import { randomUUID } from 'node:crypto';
import { insertRows, type PooledDatabase, placeholders, type SqlExecutor } from '@shop/chassis';
import type { Redis } from './experiment.ts';
import { dailyTotals, type Sale } from './sales.ts';
import { addDaily } from './sales-tables.ts';

/** `yyyy-mm-dd product` → pieces sold. */
export type Totals = Map<string, number>;

/** One way of keeping the ranking. It receives orders in batches, and some again after a crash. */
export interface Way {
  readonly name: string;
  apply(batch: readonly Sale[]): Promise<void>;
  /** Applies the part of a batch that is done when the process dies at the worst moment. */
  crash(batch: readonly Sale[]): Promise<void>;
  /** The totals by this ranking. */
  totals(): Promise<Totals>;
}

/** Upserts with an inbox; one transaction a batch. */
export function inMySql(database: PooledDatabase): Way {
  const apply = async (batch: readonly Sale[]): Promise<void> => {
    await database.transaction((tx) => applyNew(tx, batch));
  };
  return {
    name: 'MySQL: inbox and upsert, one transaction a batch',
    apply,
    // Dies after the commit and before the offset is committed.
    crash: apply,
    totals: () => totalsInMySql(database),
  };
}

/** ZINCRBY for each line; one round trip a batch. */
export function inRedis(redis: Redis, prefix: string): Way {
  const apply = async (batch: readonly Sale[]): Promise<void> => {
    const pipeline = redis.pipeline();
    for (const [key, quantity] of dailyLines(batch)) pipeline.zincrby(keyOf(prefix, key), quantity, memberOf(key));
    await pipeline.exec();
  };
  return {
    name: 'Redis: `ZINCRBY` a line',
    apply,
    // Redis has the whole batch, and the process dies before it commits the offset.
    crash: apply,
    totals: () => totalsInRedis(redis, prefix),
  };
}

/** Totals in MySQL as above; then the sorted set gets the new totals, each with its version. */
export function inBoth(database: PooledDatabase, redis: Redis, prefix: string): Way & { reconcile(): Promise<void> } {
  const commit = (batch: readonly Sale[]) =>
    database.transaction(async (tx) => {
      const changed = await applyNew(tx, batch);
      return await readRows(tx, changed);
    });
  return {
    name: 'both: MySQL as above, then `ZADD` of the totals with their versions',
    async apply(batch) {
      await setTotals(redis, prefix, await commit(batch));
    },
    // Dies after the commit, before Redis is written.
    async crash(batch) {
      await commit(batch);
    },
    totals: () => totalsInRedis(redis, prefix),
    /** Sets every total again, like the job that runs continuously. */
    async reconcile() {
      const rows = await database.query<DailyRow>(
        `SELECT ${DAILY_COLUMNS} FROM daily_product_sales WHERE generation = 1`,
      );
      await setTotals(redis, prefix, rows);
    },
  };
}

/** Claims the events and adds those not claimed before. @returns the keys of the changed totals */
async function applyNew(tx: SqlExecutor, batch: readonly Sale[]): Promise<string[]> {
  const claim = randomUUID();
  const now = new Date();
  const ids = batch.map(({ orderId }) => orderId).sort();
  await insertRows(
    tx,
    'processed_event',
    ['consumer_group', 'event_id', 'claim', 'processed_at'],
    ids.map((id) => ['ranking', id, claim, now]),
    { ignore: true },
  );
  const claimed = await tx.query<{ id: string }>(
    `SELECT event_id AS id FROM processed_event
      WHERE consumer_group = 'ranking' AND event_id IN (${placeholders(ids.length)}) AND claim = ?`,
    [...ids, claim],
  );
  const isNew = new Set(claimed.map(({ id }) => id));
  const totals = dailyTotals(batch.filter(({ orderId }) => isNew.has(orderId)));
  await addDaily(tx, totals);
  return [...totals.keys()];
}

export interface DailyRow {
  readonly day: string;
  readonly productId: number;
  readonly quantity: number;
  readonly version: number;
}
const DAILY_COLUMNS = 'CAST(business_day AS CHAR) AS day, product_id AS productId, quantity, version';

async function readRows(tx: SqlExecutor, keys: readonly string[]): Promise<DailyRow[]> {
  const rows: DailyRow[] = [];
  for (const [day, products] of Map.groupBy(keys, (key) => key.slice(0, 10))) {
    rows.push(
      ...(await tx.query<DailyRow>(
        `SELECT ${DAILY_COLUMNS} FROM daily_product_sales
          WHERE generation = 1 AND business_day = ? AND product_id IN (${placeholders(products.length)})`,
        [day, ...products.map((key) => Number(key.slice(11)))],
      )),
    );
  }
  return rows;
}

async function totalsInMySql(database: PooledDatabase): Promise<Totals> {
  const rows = await database.query<DailyRow>(`SELECT ${DAILY_COLUMNS} FROM daily_product_sales WHERE generation = 1`);
  return new Map(rows.map(({ day, productId, quantity }) => [`${day} ${productId}`, quantity]));
}

/** A total replaces only a lower version, so a late write changes nothing. */
const SET_TOTALS = `
for i = 1, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[2], ARGV[i])
  if not known or tonumber(ARGV[i + 2]) > tonumber(known) then
    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
  end
end`;

export async function setTotals(redis: Redis, prefix: string, rows: readonly DailyRow[]): Promise<void> {
  for (const [day, ofDay] of Map.groupBy(rows, (row) => row.day)) {
    const values = ofDay.flatMap(({ productId, quantity, version }) => [productId, quantity, version]);
    await redis.eval(SET_TOTALS, 2, keyOf(prefix, day), `${prefix}versions:${day}`, ...values.map(String));
  }
}

async function totalsInRedis(redis: Redis, prefix: string): Promise<Totals> {
  const totals: Totals = new Map();
  for (const key of await redis.keys(`${prefix}day:*`)) {
    const scores = await redis.zrevrange(key, 0, -1, 'WITHSCORES');
    for (let index = 0; index < scores.length; index += 2) {
      totals.set(`${key.slice(-10)} ${scores[index]}`, Number(scores[index + 1]));
    }
  }
  return totals;
}

function* dailyLines(batch: readonly Sale[]): Generator<[key: string, quantity: number]> {
  for (const sale of batch) yield* dailyTotals([sale]);
}

const keyOf = (prefix: string, key: string): string => `${prefix}day:${key.slice(0, 10)}`;
const memberOf = (key: string): string => key.slice(11);
