import type { PooledDatabase } from '@shop/chassis';
import { build } from 'hdr-histogram-js';
import { createLatency, type Latency } from '../latency.ts';
import { type Experiment, expectSame, type Lab, type Measured, type Redis } from './experiment.ts';
import { header, milliseconds, rate, row } from './markdown.ts';
import { inBoth, inMySql, inRedis, setTotals, type Totals, type Way } from './ranking-ways.ts';
import { dailyTotals, lastDays, type Sale, sales } from './sales.ts';
import { createServiceTable } from './sales-tables.ts';

interface Speed {
  readonly way: string;
  readonly batch: number;
  readonly eventsPerSecond: number;
  /** Time of one batch. */
  readonly time: Latency;
}

interface Crash {
  readonly way: string;
  readonly when: string;
  /** Wrong pieces of the ranking, summed over days and products. */
  readonly wrong: number;
}

export const rankingUpdates: Experiment = {
  name: 'ranking-updates',
  summary: 'keeping the ranking: MySQL an order or batched, ZINCRBY, both with versions; and what a crash leaves wrong',
  parts: ['mysql', 'redis'],
  sections: ['speed', 'crashes'],
  measure,
};

async function measure(lab: Lab): Promise<Measured> {
  const { database, quick, say, prefix, openRedis } = lab;
  await createServiceTable(database, 'ranking', 'daily_product_sales');
  await createServiceTable(database, 'ranking', 'processed_event');
  const redis = await openRedis();
  const size = { orders: quick ? 400 : 200_000, products: quick ? 40 : 1_000, days: 3 };
  const events = [...sales(size)].filter(({ completed }) => completed);

  const speeds: Speed[] = [];
  const ways = [inMySql(database), inRedis(redis, prefix), inBoth(database, redis, prefix)];
  for (const way of ways) {
    for (const batch of quick ? [1, 50] : [1, 10, 100, 1_000]) {
      await empty(database, redis, prefix);
      say(`${way.name}, batches of ${batch}`);
      speeds.push(await runBatches(way, events, batch, quick ? 0.05 : 4));
    }
  }
  const crashes = await measureCrashes(lab, redis, events);
  return {
    figures: { size, speeds, crashes },
    sections: { speed: renderSpeeds(speeds), crashes: renderCrashes(crashes) },
  };
}

/** One consumer applies batch after batch; then the totals are compared with those of the applied orders. */
async function runBatches(way: Way, events: readonly Sale[], batch: number, seconds: number): Promise<Speed> {
  const warmUp = Math.min(batch, events.length / 4);
  await way.apply(events.slice(0, warmUp));
  let next = warmUp;
  const from = performance.now();
  const time = createLatency(build);
  while (performance.now() - from < seconds * 1_000 && next < events.length) {
    const start = performance.now();
    await way.apply(events.slice(next, next + batch));
    time.record(performance.now() - start);
    next = Math.min(events.length, next + batch);
  }
  const wallSeconds = (performance.now() - from) / 1_000;
  expectSame(
    `${way.name}, batches of ${batch}: pieces wrong`,
    difference(await way.totals(), dailyTotals(events.slice(0, next))),
    0,
  );
  return { way: way.name, batch, eventsPerSecond: (next - warmUp) / wallSeconds, time: time.summary() };
}

/** Ten batches. In the fifth the process dies at its worst moment, and unacknowledged orders are delivered again. */
async function measureCrashes({ database, prefix, say }: Lab, redis: Redis, events: readonly Sale[]): Promise<Crash[]> {
  const crashes: Crash[] = [];
  const size = Math.min(100, Math.floor(events.length / 10));
  const batches = Array.from({ length: 10 }, (_, index) => events.slice(index * size, (index + 1) * size));
  const truth = dailyTotals(batches.flat());
  const both = inBoth(database, redis, prefix);
  for (const way of [inMySql(database), inRedis(redis, prefix), both]) {
    say(`a crash: ${way.name}`);
    await empty(database, redis, prefix);
    for (const [index, batch] of batches.entries()) {
      if (index === 5) await way.crash(batch);
      await way.apply(batch);
    }
    const wrong = difference(await way.totals(), truth);
    crashes.push({ way: way.name, when: 'died in a batch of the ten, which came again', wrong });
  }
  await both.reconcile();
  const healed = difference(await both.totals(), truth);
  crashes.push({ way: both.name, when: 'the same, after the next reconciliation', wrong: healed });
  await lateWrite(redis, prefix, both);
  expectSame('pieces wrong after a crash: MySQL; both, reconciled', [crashes[0]?.wrong, crashes.at(-1)?.wrong], [0, 0]);
  return crashes;
}

/** A late total of an older version, e.g. from a paused process, must change nothing. */
async function lateWrite(redis: Redis, prefix: string, both: Way): Promise<void> {
  const before = await both.totals();
  const [first] = before;
  if (!first) throw new Error('there are no totals to overwrite');
  const [day, productId] = [first[0].slice(0, 10), Number(first[0].slice(11))];
  await setTotals(redis, prefix, [{ day, productId, quantity: first[1] + 1_000, version: 0 }]);
  expectSame('pieces changed by a late write', difference(await both.totals(), before), 0);
}

/** The pieces by which two rankings differ. */
export function difference(one: Totals, other: Totals): number {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].reduce((sum, key) => sum + Math.abs((one.get(key) ?? 0) - (other.get(key) ?? 0)), 0);
}

async function empty(database: PooledDatabase, redis: Redis, prefix: string): Promise<void> {
  await database.execute('TRUNCATE TABLE daily_product_sales');
  await database.execute('TRUNCATE TABLE processed_event');
  const days = lastDays(4).days;
  await redis.del(...days.flatMap((day) => [`${prefix}day:${day}`, `${prefix}versions:${day}`]));
}

function renderSpeeds(speeds: readonly Speed[]): string[] {
  return [
    ...header(['way', 'orders a batch', 'orders a second', 'a batch p50 ms', 'p95 ms']),
    ...speeds.map(({ way, batch, eventsPerSecond, time }) =>
      row([way, rate(batch), rate(eventsPerSecond), milliseconds(time.p50), milliseconds(time.p95)]),
    ),
  ];
}

function renderCrashes(crashes: readonly Crash[]): string[] {
  return [
    ...header(['way', 'what happened', 'pieces wrong'], 2),
    ...crashes.map(({ way, when, wrong }) => row([way, when, rate(wrong)])),
  ];
}
