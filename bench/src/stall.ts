import { readCompletions, readStepOrders, type StepOrders } from './flood/orders-read.ts';
import { MAX_CONNECTIONS, type MeasuredStep, PATIENCE_MS } from './flood/plan.ts';
import { completionNormalFrom, recoveredAfter } from './flood/recovery.ts';
import * as shop from './flood/shop.ts';
import { type Loaded, newRun } from './flood/trial.ts';
import { DRAIN_MS, type Shop } from './overload.ts';

export interface StallStep extends MeasuredStep {
  readonly orders: StepOrders;
}

/** The result of a stall: a service stood still, as if swapped out. */
export interface Stall {
  readonly service: string;
  readonly peak: number;
  readonly steps: readonly StallStep[];
  /**
   * Time from the service's continuation until answer times were normal, s; undefined when they were not by the end.
   */
  readonly answersNormalAfterSeconds: number | undefined;
  /** The same for the time from an order to its completion. */
  readonly completionsNormalAfterSeconds: number | undefined;
}

const WARM_UP_SECONDS = 5;
const BEFORE_SECONDS = 10;
/** Reads a second, beside the orders. */
const READS = 100;

/** Sends orders at the held rate, and reads. A service is stopped (SIGSTOP) for some seconds. Half the rate follows. */
export async function runStall(
  service: string,
  loaded: Loaded,
  { products }: Shop,
  { peak, seconds, afterSeconds }: { readonly peak: number; readonly seconds: number; readonly afterSeconds: number },
  say: (words: string) => void,
): Promise<Stall> {
  const pids = loaded
    .processes()
    .filter(({ name }) => name.startsWith(`${service}-`))
    .map(({ pid }) => pid);
  if (pids.length === 0) throw new Error(`no process of ${service} runs here`);
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => pids.forEach((pid) => void process.kill(pid, name));
  const rate = peak + READS;
  const plan = {
    target: loaded.gateway,
    mix: [shop.orders(products, peak), shop.browsing(products, READS)],
    steps: [
      { name: 'warm-up', rate: Math.ceil(rate / 2), seconds: WARM_UP_SECONDS },
      { name: 'before', rate, seconds: BEFORE_SECONDS },
      { name: `${service} stands still`, rate, seconds },
      { name: 'it goes on, at half the rate', rate: Math.ceil(rate / 2), seconds: afterSeconds },
    ],
    connections: MAX_CONNECTIONS,
    patienceMs: PATIENCE_MS,
    windowMs: 1_000,
    run: newRun(),
  };
  await loaded.idle(DRAIN_MS);
  let stopped = false;
  const goOn = (): void => {
    if (stopped) signal('SIGCONT');
    stopped = false;
  };
  // A stopped process would not end with the stack, so it is continued first.
  process.once('exit', goOn);
  const measured = await loaded.generator
    .run(plan, loaded.processes, (index) => {
      say(`  ${plan.steps[index]?.name ?? 'the end'}`);
      if (index === 2) {
        stopped = true;
        signal('SIGSTOP');
      } else goOn();
    })
    .finally(goOn);
  process.off('exit', goOn);
  say('waiting until nothing is under way');
  await loaded.idle(DRAIN_MS);
  const steps: StallStep[] = [];
  for (const step of measured.slice(1))
    steps.push({ ...step, orders: await readStepOrders(loaded.sql, step.from, step.to) });
  const [before, , after] = steps;
  if (!before || !after) throw new Error('the generator gave no steps');
  const completions = await readCompletions(loaded.sql, after.from, after.to);
  return {
    service,
    peak,
    steps,
    answersNormalAfterSeconds: recoveredAfter(after, before),
    completionsNormalAfterSeconds: completionNormalFrom(
      completions,
      after.from,
      after.seconds,
      before.orders.toCompleted.p95,
    ),
  };
}
