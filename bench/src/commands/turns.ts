import type { Command } from 'commander';
import { chosenStack } from '../../../deploy/local/chosen-stack.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { connectSql, type SqlConnection } from '../../../ops/src/sql.ts';
import { cpuFigures } from '../compare/loads.ts';
import { compareFigures, type Figures, inWords, type Pair, sidesOfPair } from '../compare/ratios.ts';
import { type Checkout, checkoutOf, type Side, startSide, thisCheckout } from '../compare/sides.ts';
import { type FloodGenerator, openGenerator } from '../flood/run.ts';
import * as shop from '../flood/shop.ts';
import { inOneLine, type Loaded, type Trial, tryRate } from '../flood/trial.ts';
import { productsInStock } from '../orders.ts';
import { asEnv, assignment } from './shared.ts';

interface TurnsOptions {
  json?: boolean;
  rate: number;
  turns: number;
  seconds: number;
  with: string[];
}

/** The stacks of both sides, with the offsets of their ports. They may be of one checkout. */
const STACKS = {
  old: { name: 'compare', portOffset: 2_000 },
  new: { name: 'compare-new', portOffset: 3_100 },
} as const;
/** Time for compiled code and caches before the first turn, s. */
const WARM_UP_SECONDS = 15;
/** Lead-in of a turn, not counted, s: the other side's turn has emptied the processor's caches. */
const LEAD_SECONDS = 2;

/** A stack that stands while the other one has its turn. */
interface Standing {
  readonly side: Side;
  readonly sql: SqlConnection;
  readonly generator: FloodGenerator;
  readonly loaded: Loaded;
  readonly products: readonly number[];
}

export function addTurns(program: Command): void {
  program
    .command('turns <commit>')
    .description('orders on another commit and on this checkout, both running, in short turns at one rate')
    .option('--json', 'results as JSON')
    .option('--rate <n>', 'orders a second', wholeNumber(10, 20_000), 400)
    .option('--turns <n>', 'how many turns each side has', wholeNumber(1, 200), 14)
    .option('--seconds <n>', 'how long a turn is measured', wholeNumber(2, 60), 5)
    .option('--with <NAME=value>', 'in the environment of the new side alone; may be repeated', assignment, [])
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 bad usage, 3 an audit found something.\n')
    .action(action<TurnsOptions>((output, options, commit = '') => turns(output, options, commit)));
}

async function turns(output: Output, options: TurnsOptions, commit: string): Promise<ExitCode> {
  const checkouts = { old: checkoutOf(commit, output.say), new: thisCheckout() };
  const standing: Partial<Record<'old' | 'new', Standing>> = {};
  try {
    standing.old = await stand(checkouts.old, 'old', {});
    standing.new = await stand(checkouts.new, 'new', asEnv(options.with));
    const sides = { old: standing.old, new: standing.new };
    for (const side of Object.values(sides)) await takeTurn(side, options.rate, WARM_UP_SECONDS);
    const pairs: Pair[] = [];
    const held = { old: 0, new: 0 };
    for (let pair = 0; pair < options.turns; pair++) {
      const figures: Record<string, Figures> = {};
      for (const name of sidesOfPair(pair)) {
        const trial = await takeTurn(sides[name], options.rate, options.seconds);
        output.say(`${pair + 1} of ${options.turns}: ${name} (${checkouts[name].commit}) ${inOneLine(trial)}`);
        figures[name] = figuresOf(trial);
        if (trial.held) held[name]++;
      }
      pairs.push({ old: figures.old ?? {}, new: figures.new ?? {} });
    }
    const compared = compareFigures(pairs);
    const audits = [await sides.old.side.audit(), await sides.new.side.audit()];
    output.result(
      { held, compared, pairs, audits },
      [`turns that held: ${held.old} → ${held.new} of ${options.turns}`, ...compared.map(inWords)].join('\n'),
    );
    return audits.every(({ ok }) => ok) ? EXIT.done : EXIT.found;
  } finally {
    for (const each of Object.values(standing)) {
      each.generator.close();
      await each.sql.close();
      await each.side.stop();
    }
  }
}

async function stand(
  checkout: Checkout,
  which: 'old' | 'new',
  env: Readonly<Record<string, string>>,
): Promise<Standing> {
  const { name, portOffset } = STACKS[which];
  const side = await startSide(checkout, chosenStack().portOffset + portOffset, env, name);
  try {
    const { gateway, auditDatabase } = side.addresses;
    const products = await productsInStock(gateway);
    const sql = await connectSql(auditDatabase);
    const generator = openGenerator();
    const loaded = { gateway, processes: () => side.processes, sql, generator, idle: side.idle };
    return { side, sql, generator, loaded, products };
  } catch (error) {
    await side.stop();
    throw error;
  }
}

function takeTurn({ loaded, products }: Standing, rate: number, seconds: number): Promise<Trial> {
  return tryRate(loaded, [shop.orders(products)], rate, seconds, LEAD_SECONDS);
}

function figuresOf({ step, sagas }: Trial): Figures {
  const orders = step.kinds.orders;
  const completed = (sagas?.confirmedPerSecond ?? 0) * step.seconds;
  return {
    'right answers, share': orders ? orders.right / Math.max(1, orders.offered) : 0,
    'answer p50, ms': orders?.served.p50 ?? 0,
    'answer p95, ms': orders?.served.p95 ?? 0,
    'order → completed p50, ms': sagas?.toCompleted.p50 ?? 0,
    'order → completed p95, ms': sagas?.toCompleted.p95 ?? 0,
    ...(completed > 0 && cpuFigures(step.cpu, 'CPU of an order, ms', (seconds) => (seconds * 1_000) / completed)),
  };
}
