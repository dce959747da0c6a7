import type { Command } from 'commander';
import { chosenStack } from '../../../deploy/local/chosen-stack.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { type LoadedSide, openLoadedSide } from '../compare/loaded-side.ts';
import { orderFigures } from '../compare/loads.ts';
import { compareFigures, type Figures, inWords, type Pair, sidesOfPair } from '../compare/ratios.ts';
import { type Checkout, checkoutOf, thisCheckout } from '../compare/sides.ts';
import * as shop from '../flood/shop.ts';
import { inOneLine, type Trial, tryRate } from '../flood/trial.ts';
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
  const standing: Partial<Record<'old' | 'new', LoadedSide>> = {};
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
    for (const each of Object.values(standing)) await each.close();
  }
}

function stand(checkout: Checkout, which: 'old' | 'new', env: Readonly<Record<string, string>>): Promise<LoadedSide> {
  const { name, portOffset } = STACKS[which];
  return openLoadedSide(checkout, chosenStack().portOffset + portOffset, env, name);
}

function takeTurn({ loaded, products }: LoadedSide, rate: number, seconds: number): Promise<Trial> {
  return tryRate(loaded, [shop.orders(products)], rate, seconds, LEAD_SECONDS);
}

function figuresOf(trial: Trial): Figures {
  const orders = trial.step.kinds.orders;
  return { 'right answers, share': orders ? orders.right / Math.max(1, orders.offered) : 0, ...orderFigures(trial) };
}
