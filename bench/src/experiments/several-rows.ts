import {
  createBatcher,
  insertRows,
  type PooledDatabase,
  placeholders,
  type SqlExecutor,
  succeeded,
} from '@shop/chassis';
import { seeded } from '../profiles.ts';
import { expectSame, WrongResult } from './experiment.ts';
import { type CallersRun, runCallers } from './measure.ts';

/** Orders of three of five hot products, for which the order of locking matters. */
export interface SeveralRun extends CallersRun {
  readonly name: string;
  /** Transactions that were deadlock victims and were repeated. */
  readonly deadlocks: number;
}

const PRODUCTS = [1_000_001, 1_000_002, 1_000_003, 1_000_004, 1_000_005];
const LINES = 3;
const PLENTY = 1_000_000_000;

interface Way {
  readonly name: string;
  readonly submit: (products: readonly number[]) => Promise<unknown>;
  readonly deadlocks: () => number;
}

export async function measureSeveralRows(
  database: PooledDatabase,
  callers: readonly number[],
  seconds: number,
): Promise<SeveralRun[]> {
  const runs: SeveralRun[] = [];
  await insertRows(
    database,
    'hot_rows',
    ['id', 'value'],
    PRODUCTS.map((id) => [id, PLENTY]),
  );
  let ordered = 0;
  for (const open of [inOrderOfTheRequest, inOrderOfTheKey, batched]) {
    for (const count of callers) {
      const way = open(database);
      const random = seeded(count);
      const run = await runCallers(count, seconds, () => way.submit(draw(random)));
      ordered += run.calls;
      await expectConserved(database, way.name, ordered, run);
      runs.push({ ...run, name: way.name, deadlocks: way.deadlocks() });
    }
  }
  return runs;
}

/** Three different products, in any order. */
function draw(random: () => number): number[] {
  const left = [...PRODUCTS];
  return Array.from({ length: LINES }, () => left.splice(Math.floor(random() * left.length), 1)[0] ?? 0);
}

/** Every successful call must have made three entries and taken three pieces, and no other call any. */
async function expectConserved(
  database: PooledDatabase,
  name: string,
  ordered: number,
  run: CallersRun,
): Promise<void> {
  if (Object.keys(run.failures).some((failure) => failure === 'CommitOutcomeUnknownError'))
    throw new WrongResult(`${name}: commits of unknown outcome`);
  const list = placeholders(PRODUCTS.length);
  const [rows] = await database.query<{ value: number }>(
    `SELECT SUM(value) AS value FROM hot_rows WHERE id IN (${list})`,
    PRODUCTS,
  );
  const [entries] = await database.query<{ count: number }>(
    `SELECT COUNT(*) AS count FROM entries WHERE row_id IN (${list})`,
    PRODUCTS,
  );
  expectSame(
    `${name}: pieces taken and entries`,
    [PLENTY * PRODUCTS.length - (rows?.value ?? 0), entries?.count],
    [ordered * LINES, ordered * LINES],
  );
}

function inOrderOfTheRequest(database: PooledDatabase): Way {
  return locking('row locks in the order of the request', database, (products) => products);
}

function inOrderOfTheKey(database: PooledDatabase): Way {
  return locking('row locks in the order of the key', database, (products) => products.toSorted((a, b) => a - b));
}

function locking(
  name: string,
  database: PooledDatabase,
  order: (products: readonly number[]) => readonly number[],
): Way {
  let deadlocks = 0;
  return {
    name,
    deadlocks: () => deadlocks,
    async submit(products) {
      let turn = 0;
      await database.transaction(async (tx) => {
        if (turn++ > 0) deadlocks++;
        for (const product of order(products)) {
          await tx.query('SELECT value FROM hot_rows WHERE id = ? FOR UPDATE', [product]);
          await tx.execute('UPDATE hot_rows SET value = value - 1 WHERE id = ?', [product]);
        }
        await insertEntries(tx, products);
      });
    },
  };
}

function batched(database: PooledDatabase): Way {
  let deadlocks = 0;
  const batcher = createBatcher<readonly number[], true>({
    name: 'several-rows',
    run: async (orders) => {
      let turn = 0;
      await database.transaction(async (tx) => {
        if (turn++ > 0) deadlocks++;
        const demand = Map.groupBy(orders.flat(), (product) => product);
        const products = [...demand.keys()].sort((a, b) => a - b);
        const list = placeholders(products.length);
        await tx.query(`SELECT id, value FROM hot_rows WHERE id IN (${list}) ORDER BY id FOR UPDATE`, products);
        const cases = products.map(() => 'WHEN ? THEN ?').join(' ');
        await tx.execute(`UPDATE hot_rows SET value = value - CASE id ${cases} END WHERE id IN (${list})`, [
          ...products.flatMap((product) => [product, demand.get(product)?.length ?? 0]),
          ...products,
        ]);
        await insertEntries(tx, orders.flat());
      });
      return orders.map(() => succeeded(true as const));
    },
  });
  return { name: 'batched', deadlocks: () => deadlocks, submit: batcher.submit };
}

async function insertEntries(tx: SqlExecutor, products: readonly number[]): Promise<void> {
  await insertRows(
    tx,
    'entries',
    ['row_id', 'user_id', 'delta'],
    products.map((product) => [product, 1, -1]),
  );
}
