import { readStepOrders, type StepOrders } from './flood/orders-read.ts';
import { MAX_CONNECTIONS, type MeasuredStep, PATIENCE_MS, type Share, type Step } from './flood/plan.ts';
import { ramp } from './flood/ramp.ts';
import { recoveredAfter } from './flood/recovery.ts';
import * as shop from './flood/shop.ts';
import { inOneLine, type Loaded, newRun, tryRate } from './flood/trial.ts';

export const OVERLOADS = ['orders', 'coupons', 'reads', 'sale'] as const;
export type OverloadName = (typeof OVERLOADS)[number];

export const OVERLOAD_TITLES: Readonly<Record<OverloadName, string>> = {
  orders: 'Orders of one line, many products',
  coupons: 'Coupons: each request another user',
  reads: 'Reads: products, the list, points, popular products',
  sale: 'A sale: 80 % reads, 15 % coupon requests, 5 % orders',
};

/** First rates of the search for the held rate, a second. */
const USUAL_STARTS = { orders: 400, coupons: 800, reads: 800, sale: 800 } as const;
const FACTORS = [1, 2, 4, 8] as const;
/** Warm-up before the steps, at half the held rate, s. Not reported. */
const WARM_UP_SECONDS = 5;
const TRIAL_SECONDS = 4;

/** The data of the shop that a load needs. */
export interface Shop {
  readonly products: readonly number[];
  /** Creates coupons for this many requests. */
  policies(requests: number): Promise<readonly number[]>;
}

export interface OverloadStep extends MeasuredStep {
  /** Factor to the held rate. */
  readonly factor: number;
  readonly orders?: StepOrders;
}

export interface Overload {
  readonly name: OverloadName;
  /** The held rate, requests a second. */
  readonly peak: number;
  readonly searched: boolean;
  readonly steps: readonly OverloadStep[];
  /** Time from the flood's end until answer times were normal, s; undefined when they were not by the end. */
  readonly normalAfterSeconds: number | undefined;
}

async function mixOf(name: OverloadName, { products, policies }: Shop, requests: number): Promise<readonly Share[]> {
  switch (name) {
    case 'orders':
      return [shop.orders(products)];
    case 'coupons':
      return [shop.coupons(await policies(requests))];
    case 'reads':
      return [shop.browsing(products)];
    case 'sale':
      // A fifth rather than 15 %, since the mix is drawn at random.
      return shop.sale(products, await policies(Math.ceil(requests / 5) + 1_000));
  }
}

/** Finds the highest rate that a load holds. @throws when none does */
export async function findPeak(
  name: OverloadName,
  loaded: Loaded,
  stock: Shop,
  say: (words: string) => void,
): Promise<number> {
  const from = USUAL_STARTS[name];
  const attempt = async (rate: number) =>
    tryRate(loaded, await mixOf(name, stock, rate * (TRIAL_SECONDS + 2) + 10), rate, TRIAL_SECONDS);
  say(`searching the rate that holds, from ${from}/s`);
  await attempt(from);
  const { held } = await ramp({ from }, async (rate) => {
    const trial = await attempt(rate);
    say(`  ${inOneLine(trial)}`);
    return trial;
  });
  if (held === 0) throw new Error(`no rate of ${name} held`);
  return held;
}

/** The steps of an overload: once, twice, four and eight times the held rate, then half of it. */
export function overloadSteps(peak: number, seconds: number, afterSeconds: number): (Step & { factor: number })[] {
  const step = (name: string, factor: number, length: number) => ({
    name,
    factor,
    rate: Math.max(1, Math.round(peak * factor)),
    seconds: length,
  });
  return [
    step('warm-up', 0.5, WARM_UP_SECONDS),
    ...FACTORS.map((factor) => step(`${factor} ×`, factor, seconds)),
    step('½ ×, afterwards', 0.5, afterSeconds),
  ];
}

export async function runOverload(
  name: OverloadName,
  loaded: Loaded,
  stock: Shop,
  options: { readonly peak: number | undefined; readonly seconds: number; readonly afterSeconds: number },
  say: (words: string) => void,
): Promise<Overload> {
  const { peak = await findPeak(name, loaded, stock, say), seconds, afterSeconds } = options;
  const steps = overloadSteps(peak, seconds, afterSeconds);
  const requests = steps.reduce((sum, step) => sum + Math.round(step.rate * step.seconds), 0);
  const mix = await mixOf(name, stock, requests);
  await loaded.idle(DRAIN_MS);
  const plan = {
    target: loaded.gateway,
    mix,
    steps,
    connections: MAX_CONNECTIONS,
    patienceMs: PATIENCE_MS,
    windowMs: 1_000,
    run: newRun(),
  };
  const measured = await loaded.generator.run(plan, loaded.processes, (index) => {
    const step = steps[index];
    if (step) say(`  ${step.name}: ${step.rate}/s for ${step.seconds} s`);
  });
  say('waiting until nothing is under way');
  await loaded.idle(DRAIN_MS);
  const told: OverloadStep[] = [];
  for (const [index, step] of measured.entries()) {
    if (index === 0) continue;
    const orders = step.kinds.orders && { orders: await readStepOrders(loaded.sql, step.from, step.to) };
    told.push({ ...step, factor: steps[index]?.factor ?? 0, ...orders });
  }
  const [base, after] = [told[0], told.at(-1)];
  if (!base || !after) throw new Error('the generator gave no steps');
  const normalAfterSeconds = recoveredAfter(after, base);
  return { name, peak, searched: options.peak === undefined, steps: told, normalAfterSeconds };
}

/** Longest time for the backlog of a flood, ms. */
export const DRAIN_MS = 300_000;

/** Finished requests a second during a step: orders by their rows, others by their right answers. */
export function finishedPerSecond(step: Pick<OverloadStep, 'kinds' | 'seconds' | 'orders'>, kind: string): number {
  const finished = kind === 'orders' && step.orders ? step.orders.completedInStep : (step.kinds[kind]?.finished ?? 0);
  return finished / step.seconds;
}
