import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from '../../../ops/src/addresses.ts';
import { GENERATOR, type Share } from '../flood/plan.ts';
import { type RampTrial, ramp } from '../flood/ramp.ts';
import * as shop from '../flood/shop.ts';
import { inOneLine, type Loaded, type Trial, tryRate } from '../flood/trial.ts';
import { type CpuUse, countCpu } from '../processes.ts';
import type { Figures } from './ratios.ts';

export const LOADS = ['rest', 'list', 'product', 'points', 'coupons', 'orders', 'memory'] as const;
export type LoadName = (typeof LOADS)[number];

export const TITLES: Readonly<Record<LoadName, string>> = {
  rest: 'At rest: with the demo data, unvisited',
  list: 'GET /products, 20 of them',
  product: 'GET /products/:id',
  points: 'GET /points, of 10,000 users',
  coupons: 'Coupons: each request another user',
  orders: 'Orders of one line, many products',
  memory: 'Memory of the services at the end of the orders load',
};

/** The rate at which each ramp begins in the first pair, a second. */
export const USUAL_STARTS = { list: 600, product: 800, points: 800, coupons: 800, orders: 400 } as const;
export type RampedLoad = keyof typeof USUAL_STARTS;

export interface LoadOptions {
  /** Rate for measuring the CPU of an order, orders a second. */
  readonly rate: number;
  /** Duration of that measurement, s. */
  readonly seconds: number;
  /** Duration of each rate of a ramp, s. */
  readonly stepSeconds: number;
  /** Duration of watching an idle stack, s. */
  readonly restSeconds: number;
}

export interface Measuring {
  readonly loaded: Loaded;
  readonly addresses: Addresses;
  readonly products: readonly number[];
  /** The rate at which the ramp of a load begins. */
  startOf(load: RampedLoad): number;
  say(words: string): void;
}

/** The figures of one run of one side, by load. */
export type Measured = Partial<Record<LoadName, Figures>>;

export interface Trials {
  readonly load: LoadName;
  readonly trials: readonly RampTrial[];
}

/** Warm-up before the CPU of an order is measured, s. */
const ORDERS_LEAD_SECONDS = 8;
/** Time for a newly filled stack to become idle, ms. */
const SETTLE_MS = 30_000;

/** Runs the wanted loads on one side: the idle measurement first, before any other load; orders last. */
export async function measureSide(
  wanted: readonly LoadName[],
  options: LoadOptions,
  it: Measuring,
): Promise<{ measured: Measured; trials: Trials[] }> {
  const measured: Measured = {};
  const trials: Trials[] = [];
  const { loaded, products, addresses } = it;
  const held = async (load: RampedLoad, mix: (rate: number) => Promise<readonly Share[]>): Promise<Figures> => {
    const from = it.startOf(load);
    // Warm-up for compiled code and caches; not judged.
    await tryRate(loaded, await mix(from), from, options.stepSeconds);
    const { held, trials: tried } = await ramp({ from }, async (rate) => {
      const trial = await tryRate(loaded, await mix(rate), rate, options.stepSeconds);
      it.say(`  ${load} ${inOneLine(trial)}`);
      return trial;
    });
    trials.push({
      load,
      trials: tried.map(({ rate, held, reason, disturbed }) => ({ rate, held, reason, disturbed })),
    });
    return { 'held, a second': held };
  };
  await loaded.idle(60_000);
  if (wanted.includes('rest')) measured.rest = await atRest(loaded, options.restSeconds);
  if (wanted.includes('list')) measured.list = await held('list', async () => [shop.list()]);
  if (wanted.includes('product')) measured.product = await held('product', async () => [shop.product(products)]);
  if (wanted.includes('points')) measured.points = await held('points', async () => [shop.points()]);
  if (wanted.includes('coupons')) {
    measured.coupons = await held('coupons', async (rate) => {
      // Enough for the window and its lead-in; a rounded count may be one more.
      const requests = Math.ceil(rate * (options.stepSeconds + 1)) + 10;
      return [shop.coupons(await shop.createPolicies(addresses, requests))];
    });
  }
  if (wanted.includes('orders') || wanted.includes('memory')) {
    const fixed = await atFixedRate(it, options);
    if (wanted.includes('memory')) measured.memory = memoryOf(fixed.cpu);
    if (wanted.includes('orders'))
      measured.orders = { ...(await held('orders', async () => [shop.orders(products)])), ...fixed.figures };
  }
  return { measured, trials };
}

async function atRest({ processes }: Loaded, seconds: number): Promise<Figures> {
  await sleep(SETTLE_MS);
  const end = countCpu(processes());
  await sleep(seconds * 1_000);
  const cpu = end();
  const milliseconds = (cpuSeconds: number) => (cpuSeconds * 1_000) / cpu.wallSeconds;
  return {
    ...cpuFigures(cpu, 'CPU, ms a second', milliseconds),
    ...memoryOf(cpu),
  };
}

async function atFixedRate({ loaded, products, say }: Measuring, { rate, seconds }: LoadOptions) {
  const trial = await tryRate(loaded, [shop.orders(products)], rate, seconds, ORDERS_LEAD_SECONDS);
  say(`  orders at the given rate, ${inOneLine(trial)}`);
  const figures = orderFigures(trial, ` at ${rate}/s`);
  if (!figures) throw new Error('no order was completed at the given rate');
  return { cpu: trial.step.cpu, figures };
}

/**
 * The CPU of an order, and the times of answers and sagas; undefined when no order was completed.
 * @param at the rate in words, for the figures' names
 */
export function orderFigures({ step, sagas }: Trial, at = ''): Figures | undefined {
  const completed = (sagas?.confirmedPerSecond ?? 0) * step.seconds;
  if (!sagas || completed === 0) return undefined;
  return {
    ...cpuFigures(step.cpu, `CPU of an order${at}, ms`, (cpuSeconds) => (cpuSeconds * 1_000) / completed),
    [`answer p50${at}, ms`]: step.kinds.orders?.served.p50 ?? 0,
    [`answer p95${at}, ms`]: step.kinds.orders?.served.p95 ?? 0,
    [`order → completed p50${at}, ms`]: sagas.toCompleted.p50,
    [`order → completed p95${at}, ms`]: sagas.toCompleted.p95,
  };
}

/** The CPU of each process but the generator, and their sum. */
export function cpuFigures({ processes }: CpuUse, name: string, per: (cpuSeconds: number) => number): Figures {
  const own = processes.filter((it) => it.name !== GENERATOR);
  const all = own.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  return Object.fromEntries([
    [name, per(all)],
    ...own.map((it) => [`${name}: ${it.name}`, per(it.cpuSeconds)] as const),
  ]);
}

const SERVICE = /^(gateway|order|catalog|payment|coupon|ranking)-\d/;

/** The resident memory of each of the six services, and the sum, MiB. */
export function memoryOf({ processes }: CpuUse): Figures {
  const services = processes.filter(({ name }) => SERVICE.test(name));
  const mib = (bytes: number) => bytes / 2 ** 20;
  return Object.fromEntries([
    ['RSS of the services, MiB', mib(services.reduce((sum, { rssBytes }) => sum + rssBytes, 0))],
    ...services.map(({ name, rssBytes }) => [`RSS, MiB: ${name}`, mib(rssBytes)] as const),
  ]);
}
