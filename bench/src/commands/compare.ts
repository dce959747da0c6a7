import { type Command, InvalidArgumentError } from 'commander';
import { chosenStack } from '../../../deploy/local/chosen-stack.ts';
import { keepsBinaryLog } from '../../../deploy/local/parts/mysql.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { openLoadedSide } from '../compare/loaded-side.ts';
import { LOADS, type LoadName, measureSide, type RampedLoad, USUAL_STARTS } from '../compare/loads.ts';
import { inWords, sidesOfPair } from '../compare/ratios.ts';
import { type Comparisons, compareRuns, renderComparisons, type SideRun } from '../compare/report.ts';
import { type Checkout, checkoutOf, thisCheckout } from '../compare/sides.ts';
import { startOfRamp } from '../flood/ramp.ts';
import { readMachine } from '../machine.ts';
import { keepAs } from '../results.ts';
import { asEnv, assignment, commandLine } from './shared.ts';

interface CompareOptions {
  json?: boolean;
  loads?: LoadName[];
  pairs: number;
  rate: number;
  seconds: number;
  stepSeconds: number;
  restSeconds: number;
  with: string[];
  report: boolean;
}

/** The ports of the benchmark's own stack. */
const PORT_OFFSET = 2_000;

function loadNames(text: string): LoadName[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !LOADS.some((load) => load === name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`There is no load ${unknown.join(', ')}: ${LOADS.join(', ')}.`);
  return LOADS.filter((load) => names.includes(load));
}

export function addCompare(program: Command): void {
  program
    .command('compare <commit> [load]')
    .description('the same load on another commit and on this checkout, in turn, and the ratio of each figure')
    .option('--json', 'results as JSON')
    .option('--loads <names>', `some of ${LOADS.join(', ')}; all without it`, loadNames)
    .option('--pairs <n>', 'how often both sides are measured', wholeNumber(1, 50), 4)
    .option('--rate <n>', 'orders a second at which the CPU of an order is measured', wholeNumber(10, 20_000), 400)
    .option('--seconds <n>', 'how long that is measured', wholeNumber(3, 600), 15)
    .option('--step-seconds <n>', 'how long each rate of a ramp is measured', wholeNumber(2, 60), 4)
    .option('--rest-seconds <n>', 'how long a stack at rest is watched', wholeNumber(2, 600), 30)
    .option('--with <NAME=value>', 'in the environment of the new side alone; may be repeated', assignment, [])
    .option('--no-report', 'leave docs/reports as it is')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- compare main --loads orders,rest\n  npm run bench -- compare HEAD orders --with MYSQL_BINLOG=on\n' +
        '\nExit codes: 0 done, 1 failed, 2 bad usage, 3 an audit found something.\n',
    )
    .action(
      action<CompareOptions>(async (output, options, commit = '', load) => {
        try {
          const wanted = load === undefined ? (options.loads ?? LOADS) : loadNames(load);
          return await compare(output, options, wanted, commit);
        } catch (error) {
          if (!(error instanceof InvalidArgumentError)) throw error;
          output.say(error.message);
          return EXIT.usage;
        }
      }),
    );
}

async function compare(
  output: Output,
  options: CompareOptions,
  wanted: readonly LoadName[],
  commit: string,
): Promise<ExitCode> {
  const machine = readMachine();
  const checkouts = { old: checkoutOf(commit, output.say), new: thisCheckout() };
  const label = { old: checkouts.old.commit, new: checkouts.new.commit };
  const pairs: SideRun[][] = [];
  for (let pair = 0; pair < options.pairs; pair++) {
    const runs: SideRun[] = [];
    for (const side of sidesOfPair(pair)) {
      output.say(`pair ${pair + 1} of ${options.pairs}: ${side} (${label[side]})`);
      const started = performance.now();
      const env = side === 'new' ? asEnv(options.with) : {};
      // A rate far above a side's limit leaves a backlog of minutes, so each side begins by its own held rate.
      const before = pairs.flat().filter((run) => run.side === side);
      const startOf = (load: RampedLoad) =>
        startOfRamp(USUAL_STARTS[load], heldBefore(before, load), pair, options.pairs);
      const run = await measureOnce(output, options, wanted, checkouts[side], env, startOf);
      runs.push({ side, ...run });
      output.say(
        `  ${run.audit.ok ? 'audit clean' : `audit NOT clean: ${run.audit.failed.join(', ')}`}; ${took(started)}`,
      );
    }
    pairs.push(runs);
  }
  const runs = pairs.flat();
  const loads = compareRuns(pairs, {
    command: commandLine(),
    machine,
    binlog: { old: keepsBinaryLog(), new: keepsBinaryLog({ ...process.env, ...asEnv(options.with) }) },
  });
  if (options.report) {
    const path = keepAs<Comparisons>(
      'compare',
      { comparisons: {} },
      ({ comparisons }) => {
        const key = `${label.old} → ${label.new}${options.with.length > 0 ? ` with ${options.with.join(', ')}` : ''}`;
        comparisons[key] = {
          old: label.old,
          new: label.new,
          with: options.with,
          loads: { ...comparisons[key]?.loads, ...loads },
          runs,
        };
      },
      renderComparisons,
    );
    output.say(`written: ${path}`);
  }
  output.result(
    { loads, runs },
    Object.entries(loads)
      .flatMap(([name, load]) => load.figures.map((figure) => `${name}: ${inWords(figure)}`))
      .join('\n'),
  );
  return runs.every(({ audit }) => audit.ok) ? EXIT.done : EXIT.found;
}

async function measureOnce(
  { say }: Output,
  options: CompareOptions,
  wanted: readonly LoadName[],
  checkout: Checkout,
  env: Readonly<Record<string, string>>,
  startOf: (load: RampedLoad) => number,
): Promise<Omit<SideRun, 'side'>> {
  const { side, loaded, products, close } = await openLoadedSide(checkout, chosenStack().portOffset + PORT_OFFSET, env);
  try {
    const measuring = { loaded, addresses: side.addresses, products, startOf, say };
    const { measured, trials } = await measureSide(wanted, options, measuring);
    return { measured, trials, audit: await side.audit() };
  } finally {
    await close();
  }
}

function heldBefore(runs: readonly SideRun[], load: RampedLoad): number[] {
  return runs.flatMap(({ measured }) => measured[load]?.['held, a second'] ?? []);
}

const took = (since: number) => `${((performance.now() - since) / 1_000).toFixed(0)} s`;
