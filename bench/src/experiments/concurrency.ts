import type { PooledDatabase } from '@shop/chassis';
import type { Latency } from '../latency.ts';
import { type Experiment, type Lab, type Measured, WrongResult } from './experiment.ts';
import { type Change, createHotRow, expectRight, faultsOf, HOT_ROW_TABLES, type Told } from './hot-row.ts';
import { UNGUARDED, unguarded, WAYS, type Way } from './hot-row-ways.ts';
import { header, milliseconds, rate, row } from './markdown.ts';
import { type CallersRun, runCallers, timeEach } from './measure.ts';
import { measureSeveralRows, type SeveralRun } from './several-rows.ts';

/** Many changes at the same moment. */
interface Burst {
  readonly name: string;
  readonly initial: number;
  readonly changes: readonly Omit<Change, 'rowId'>[];
  /** Number of changes that must succeed. */
  readonly done: number;
}

const many = (count: number, make: (index: number) => Omit<Change, 'rowId'>) =>
  Array.from({ length: count }, (_, index) => make(index));

/** The three cases of the flash sale. @param people number of simultaneous callers; a multiple of ten */
function burstsOf(people: number): Burst[] {
  const half = people / 2;
  return [
    {
      name: `${people} buyers of one product, ${half} pieces`,
      initial: half,
      changes: many(people, (userId) => ({ userId, delta: -1, onlyOnce: false })),
      done: half,
    },
    {
      name: '10 charges of one account',
      initial: 0,
      changes: many(10, (index) => ({ userId: 1, delta: 1_000 + index, onlyOnce: false })),
      done: 10,
    },
    {
      name: `${people} requests of ${people * 0.8} users for ${half} coupons`,
      initial: half,
      changes: many(people, (index) => ({ userId: index % (people * 0.8), delta: -1, onlyOnce: true })),
      done: half,
    },
  ];
}

interface BurstResult {
  readonly burst: string;
  readonly way: string;
  /** Time from the first request to the last answer, ms. */
  readonly time: Latency;
  readonly retries: number;
  /** The faults of each wrong round; only the way without a guard has any. */
  readonly faults: readonly string[];
}

interface LoadResult extends CallersRun {
  readonly way: string;
  readonly retries: number;
}

export const concurrency: Experiment = {
  name: 'concurrency',
  summary: 'one hot row under many: row lock, conditional update, optimistic, batched',
  parts: ['mysql'],
  sections: ['bursts', 'unguarded', 'load', 'several-rows'],
  measure,
};

async function measure({ database, quick, say }: Lab): Promise<Measured> {
  for (const table of HOT_ROW_TABLES) await database.execute(table);
  // Warm-up: opens connections and compiles code before the measurement.
  let rowId = 1;
  for (const open of WAYS) await load(database, open(database), rowId++, 10, quick ? 0.02 : 1);

  const bursts: BurstResult[] = [];
  const rounds = quick ? 1 : 20;
  for (const burst of burstsOf(quick ? 20 : 100)) {
    for (const open of [...WAYS, unguarded]) {
      const way = open(database);
      say(`${burst.name}: ${way.name}`);
      bursts.push(await runBurst(database, burst, way, rounds, () => rowId++, open === unguarded));
    }
  }

  const loads: LoadResult[] = [];
  const seconds = quick ? 0.1 : 4;
  for (const callers of quick ? [10] : [1, 10, 100, 500]) {
    for (const open of WAYS) {
      const way = open(database);
      say(`${callers} callers for ${seconds} s: ${way.name}`);
      loads.push(await load(database, way, rowId++, callers, seconds));
    }
  }

  say('three of five hot products an order');
  const several = await measureSeveralRows(database, quick ? [5] : [10, 100], seconds);
  return {
    figures: { rounds, bursts, loads, several },
    sections: {
      bursts: renderBursts(bursts.filter(({ way }) => way !== UNGUARDED)),
      unguarded: renderUnguarded(bursts.filter(({ way }) => way === UNGUARDED)),
      load: renderLoads(loads),
      'several-rows': renderSeveral(several),
    },
  };
}

/** Sends all changes of a burst at once, each round on a new row; the result is checked each time. */
async function runBurst(
  database: PooledDatabase,
  { name, initial, changes, done }: Burst,
  way: Way,
  rounds: number,
  nextRow: () => number,
  mayBeWrong: boolean,
): Promise<BurstResult> {
  const faults: string[] = [];
  const rows: { rowId: number; told: readonly Told[] }[] = [];
  const prepared = Array.from({ length: rounds }, nextRow);
  for (const rowId of prepared) await createHotRow(database, rowId, initial);
  const time = await timeEach(rounds, async (round) => {
    const rowId = prepared[round] ?? 0;
    const told = await Promise.all(
      changes.map(async (each): Promise<Told> => {
        const change = { ...each, rowId };
        return { change, answer: await way.submit(change) };
      }),
    );
    rows.push({ rowId, told });
  });
  for (const { rowId, told } of rows) {
    const succeeded = told.filter(({ answer }) => answer === 'done').length;
    if (mayBeWrong) {
      const found = await faultsOf(database, rowId, initial, told);
      if (found.length > 0) faults.push(found.join('; '));
    }
    if (!mayBeWrong) {
      await expectRight(`${name}, ${way.name}`, database, rowId, initial, told);
      if (succeeded !== done) throw new WrongResult(`${name}, ${way.name}: ${succeeded} succeeded, not ${done}`);
    }
  }
  return { burst: name, way: way.name, time, retries: way.retries, faults };
}

/** Many callers take from a row that never runs out, for some seconds. */
async function load(
  database: PooledDatabase,
  way: Way,
  rowId: number,
  callers: number,
  seconds: number,
): Promise<LoadResult> {
  const initial = 1_000_000_000;
  await createHotRow(database, rowId, initial);
  const told: Told[] = [];
  const run = await runCallers(callers, seconds, async (userId) => {
    const change: Change = { rowId, userId, delta: -1, onlyOnce: false };
    told.push({ change, answer: await way.submit(change) });
  });
  await expectRight(`${callers} callers, ${way.name}`, database, rowId, initial, told);
  return { ...run, way: way.name, retries: way.retries };
}

function renderBursts(bursts: readonly BurstResult[]): string[] {
  return [
    ...header(['at once', 'way', 'all answered, p50 ms', 'p95 ms', 'retries a round', 'result'], 2),
    ...bursts.map(({ burst, way, time, retries }) =>
      row([burst, way, milliseconds(time.p50), milliseconds(time.p95), (retries / time.count).toFixed(1), 'right']),
    ),
  ];
}

function renderUnguarded(bursts: readonly BurstResult[]): string[] {
  return [
    ...header(['at once', 'rounds', 'wrong rounds', 'the first of them'], 1),
    ...bursts.map(({ burst, time, faults }) => row([burst, time.count, faults.length, faults[0] ?? 'none, by luck'])),
  ];
}

function renderLoads(loads: readonly LoadResult[]): string[] {
  return [
    ...header(['callers', 'way', 'done a second', 'p50 ms', 'p95 ms', 'retries for one done', 'failed'], 2),
    ...loads.map(({ callers, way, perSecond, latency, retries, calls, failures }) =>
      row([
        callers,
        way,
        rate(perSecond),
        milliseconds(latency.p50),
        milliseconds(latency.p95),
        (retries / Math.max(1, calls)).toFixed(2),
        failuresOf(failures),
      ]),
    ),
  ];
}

function renderSeveral(runs: readonly SeveralRun[]): string[] {
  return [
    ...header(['callers', 'way', 'orders a second', 'p50 ms', 'p95 ms', 'deadlocks for 1,000 orders', 'failed'], 2),
    ...runs.map(({ callers, name, perSecond, latency, deadlocks, calls, failures }) =>
      row([
        callers,
        name,
        rate(perSecond),
        milliseconds(latency.p50),
        milliseconds(latency.p95),
        ((1_000 * deadlocks) / Math.max(1, calls)).toFixed(1),
        failuresOf(failures),
      ]),
    ),
  ];
}

function failuresOf(failures: Readonly<Record<string, number>>): string {
  const all = Object.entries(failures).map(([name, count]) => `${count} × ${name}`);
  return all.length > 0 ? all.join(', ') : '0';
}
