import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SqlReader } from '../../ops/src/sql.ts';
import { percentileOf } from './flood/percentiles.ts';
import { MAX_CONNECTIONS, type MeasuredStep, PATIENCE_MS } from './flood/plan.ts';
import * as shop from './flood/shop.ts';
import { type Loaded, newRun } from './flood/trial.ts';
import { DRAIN_MS, type Shop } from './overload.ts';
import { countCpu, type ProcessUse } from './processes.ts';

export interface SoakRates {
  /** Rates, each a second. */
  readonly orders: number;
  readonly coupons: number;
  readonly reads: number;
}

/** One minute of a soak. */
export interface Minute {
  readonly answers: Readonly<Record<string, { offered: number; right: number; p50: number; p99: number }>>;
  /** Times from an order to its completion, ms. */
  readonly toCompleted: { readonly p50: number; readonly p99: number };
  /** Every process's CPU in the minute, and its memory at the end. */
  readonly processes: readonly ProcessUse[];
  /** Bytes on disk, by schema and by topic. */
  readonly schemas: Readonly<Record<string, number>>;
  readonly topics: Readonly<Record<string, number>>;
}

export interface TableSize {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface Soak {
  readonly peak: number;
  readonly rates: SoakRates;
  readonly step: Pick<MeasuredStep, 'kinds' | 'from' | 'to' | 'seconds' | 'rate' | 'latestSendMs' | 'unsent'>;
  readonly minutes: readonly Minute[];
  readonly tablesBefore: readonly TableSize[];
  readonly tablesAfter: readonly TableSize[];
  readonly verdict: Verdict;
}

export interface Verdict {
  readonly ok: boolean;
  /** p99 of the orders' answers: median of the minutes of the first and of the last third, ms. */
  readonly p99: { readonly first: number; readonly last: number };
  /** Mean memory of each service in the middle third and in the last, bytes. */
  readonly memory: Readonly<Record<string, { readonly middle: number; readonly last: number }>>;
  /** Findings, in words. */
  readonly reasons: readonly string[];
}

/** Limits: the last third's p99 relative to the first's, its memory relative to the middle's. */
const P99_FACTOR = 1.3;
const MEMORY_FACTOR = 1.1;
const WARM_UP_SECONDS = 20;
const MINUTE_MS = 60_000;
const SERVICE = /^(gateway|order|catalog|payment|coupon|ranking)-\d/;

export async function runSoak(
  loaded: Loaded,
  { products, policies }: Shop,
  { peak, rates, minutes, kafkaLogs }: { peak: number; rates: SoakRates; minutes: number; kafkaLogs: string },
  say: (words: string) => void,
): Promise<Soak> {
  const { sql, generator, processes } = loaded;
  const rate = rates.orders + rates.coupons + rates.reads;
  const seconds = minutes * 60;
  const requests = Math.ceil(rates.coupons * (seconds + WARM_UP_SECONDS) * 1.1) + 1_000;
  const plan = {
    target: loaded.gateway,
    mix: [
      shop.orders(products, rates.orders),
      shop.coupons(await policies(requests), rates.coupons),
      shop.browsing(products, rates.reads),
    ],
    steps: [
      { name: 'warm-up', rate, seconds: WARM_UP_SECONDS },
      { name: 'soak', rate, seconds },
    ],
    connections: MAX_CONNECTIONS,
    patienceMs: PATIENCE_MS,
    windowMs: MINUTE_MS,
    run: newRun(),
  };
  await loaded.idle(DRAIN_MS);
  const tablesBefore = await tableSizes(sql);
  const samples: Promise<Pick<Minute, 'processes' | 'schemas' | 'topics'>>[] = [];
  let sampling: NodeJS.Timeout | undefined;
  const sampleMinutes = (): void => {
    let end = countCpu(processes());
    const sample = async (): Promise<Pick<Minute, 'processes' | 'schemas' | 'topics'>> => {
      const used = end().processes;
      end = countCpu(processes());
      return { processes: used, schemas: await schemaSizes(sql), topics: topicSizes(kafkaLogs) };
    };
    sampling = setInterval(() => {
      samples.push(sample());
      say(`  minute ${samples.length} of ${minutes}`);
    }, MINUTE_MS);
  };
  const measured = await generator
    .run(plan, processes, (index) => {
      if (index === 1) sampleMinutes();
    })
    .finally(() => clearInterval(sampling));
  say('waiting until nothing is under way');
  await loaded.idle(DRAIN_MS);
  const step = measured[1];
  if (!step) throw new Error('the generator gave no step');
  const completions = await completionsByMinute(sql, step.from, step.to, minutes);
  const told = (await Promise.all(samples)).slice(0, minutes).map(
    (sample, index): Minute => ({
      ...sample,
      answers: Object.fromEntries(
        Object.entries(step.kinds).map(([name, { windows }]) => {
          const { offered = 0, right = 0, p50 = 0, p99 = 0 } = windows[index] ?? {};
          return [name, { offered, right, p50, p99 }];
        }),
      ),
      toCompleted: completions[index] ?? { p50: 0, p99: 0 },
    }),
  );
  return {
    peak,
    rates,
    step,
    minutes: told,
    tablesBefore,
    tablesAfter: await tableSizes(sql),
    verdict: judgeSoak(told),
  };
}

/**
 * Judges whether the last third of the minutes is as quick as the first, and takes no more memory than the middle one.
 */
export function judgeSoak(minutes: readonly Pick<Minute, 'answers' | 'processes'>[]): Verdict {
  const third = Math.max(1, Math.floor(minutes.length / 3));
  const first = minutes.slice(0, third);
  const middle = minutes.slice(Math.floor((minutes.length - third) / 2)).slice(0, third);
  const last = minutes.slice(-third);
  const p99Of = (some: typeof minutes) => medianOf(some.map(({ answers }) => answers.orders?.p99 ?? 0));
  const p99 = { first: p99Of(first), last: p99Of(last) };
  const names = [...new Set(minutes.flatMap(({ processes }) => processes.map(({ name }) => name)))].filter((name) =>
    SERVICE.test(name),
  );
  const meanOf = (some: typeof minutes, name: string) =>
    some.reduce((sum, { processes }) => sum + (processes.find((it) => it.name === name)?.rssBytes ?? 0), 0) /
    some.length;
  const memory = Object.fromEntries(
    names.map((name) => [name, { middle: meanOf(middle, name), last: meanOf(last, name) }]),
  );
  const reasons = [
    ...(p99.last > p99.first * P99_FACTOR
      ? [`the p99 of the orders grew from ${Math.round(p99.first)} to ${Math.round(p99.last)} ms`]
      : []),
    ...Object.entries(memory)
      .filter(([, it]) => it.last > it.middle * MEMORY_FACTOR)
      .map(([name, it]) => `the memory of ${name} grew from ${mib(it.middle)} to ${mib(it.last)} MiB`),
  ];
  return { ok: reasons.length === 0, p99, memory, reasons };
}

const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

function medianOf(values: readonly number[]): number {
  return percentileOf(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** Percentile of a histogram's rows, each value with its count. @param share 0 to 1 */
export function weightedPercentile(
  rows: readonly { readonly ms: number; readonly n: number }[],
  share: number,
): number {
  const sorted = [...rows].sort((a, b) => a.ms - b.ms);
  const rank = Math.ceil(share * sorted.reduce((sum, { n }) => sum + n, 0));
  let seen = 0;
  for (const { ms, n } of sorted) {
    seen += n;
    if (seen >= rank) return ms;
  }
  return 0;
}

async function completionsByMinute(sql: SqlReader, from: number, to: number, minutes: number) {
  const rows = await sql.query<{ minute: number; ms: number; n: number }>(
    `SELECT TIMESTAMPDIFF(SECOND, ?, created_at) DIV 60 AS minute,
       TIMESTAMPDIFF(MICROSECOND, created_at, completed_at) DIV 1000 AS ms, COUNT(*) AS n FROM shop_order.orders
     WHERE created_at >= ? AND created_at < ? AND status = 'COMPLETED' GROUP BY minute, ms`,
    [new Date(from), new Date(from), new Date(to)],
  );
  return Array.from({ length: minutes }, (_, index) => {
    const own = rows.filter(({ minute }) => minute === index);
    return { p50: weightedPercentile(own, 0.5), p99: weightedPercentile(own, 0.99) };
  });
}

/** Counts the rows of every table of the services; only on an idle system. */
async function tableSizes(sql: SqlReader): Promise<TableSize[]> {
  const tables = await tablesOnDisk(sql);
  const sizes: TableSize[] = [];
  for (const { schema, name, bytes } of tables) {
    const [counted] = await sql.query<{ n: number }>(`SELECT COUNT(*) AS n FROM \`${schema}\`.\`${name}\``);
    sizes.push({ name: `${schema}.${name}`, rows: counted?.n ?? 0, bytes });
  }
  return sizes;
}

async function schemaSizes(sql: SqlReader): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const { schema, bytes } of await tablesOnDisk(sql)) sizes[schema] = (sizes[schema] ?? 0) + bytes;
  return sizes;
}

async function tablesOnDisk(sql: SqlReader) {
  // Otherwise MySQL shows sizes up to a day old; MariaDB always shows present ones.
  await sql.query('SET SESSION information_schema_stats_expiry = 0').catch(() => undefined);
  return await sql.query<{ schema: string; name: string; bytes: number }>(
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name, COALESCE(DATA_LENGTH + INDEX_LENGTH, 0) AS bytes
     FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'shop\\_%' AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1, 2`,
  );
}

/** Bytes of each topic's messages, from the broker's folder. */
function topicSizes(folder: string): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const partition of readdirSync(folder)) {
    const topic = /^(.+)-\d+$/.exec(partition)?.[1];
    if (topic === undefined) continue;
    try {
      for (const file of readdirSync(join(folder, partition)))
        if (file.endsWith('.log')) sizes[topic] = (sizes[topic] ?? 0) + statSync(join(folder, partition, file)).size;
    } catch {
      // The segment was just deleted.
    }
  }
  return sizes;
}
