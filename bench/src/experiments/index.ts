import { Argument, type Command } from 'commander';
import { action, EXIT, type ExitCode, type Output } from '../../../ops/src/command.ts';
import { readMachine } from '../machine.ts';
import { countCpu } from '../processes.ts';
import { concurrency } from './concurrency.ts';
import { type Experiment, WrongResult } from './experiment.ts';
import { withLab } from './lab.ts';
import { popularCache } from './popular-cache.ts';
import { queryPlans } from './query-plans.ts';
import { rankingUpdates } from './ranking-updates.ts';
import { checkReport, keepReport } from './report.ts';
import { startServers, stopServers } from './servers.ts';

export const EXPERIMENTS: readonly Experiment[] = [queryPlans, concurrency, popularCache, rankingUpdates];

interface Options {
  json?: boolean;
  quick?: boolean;
  report: boolean;
}

/** Adds `experiment <names...>` to the benchmark's commands. */
export function addExperiments(program: Command): void {
  program
    .command('experiment')
    .description('compares ways to do one thing, and writes the figures into docs/reports/<name>.md')
    .addArgument(new Argument('<names...>', 'which, one after the other').choices(EXPERIMENTS.map(({ name }) => name)))
    .option('--quick', 'a small version that shows only that it works; writes no report')
    .option('--no-report', 'leave docs/reports as it is')
    .option('--json', 'results as JSON')
    .addHelpText(
      'after',
      `\n${EXPERIMENTS.map(({ name, summary }) => `  ${name.padEnd(16)} ${summary}`).join('\n')}
\nExample:\n  npm run bench -- experiment query-plans concurrency\n`,
    )
    .action(action<Options>((output, options, ...names) => experiments(output, options, names)));
}

async function experiments(output: Output, options: Options, names: readonly string[]): Promise<ExitCode> {
  const chosen = EXPERIMENTS.filter(({ name }) => names.includes(name));
  const keep = options.report && !options.quick;
  if (keep) for (const experiment of chosen) checkReport(experiment);
  const results: Record<string, unknown> = {};
  const texts: string[] = [];
  for (const experiment of chosen) {
    try {
      const { figures, text } = await runOnServers(experiment, options.quick ?? false, keep, output);
      results[experiment.name] = figures;
      texts.push(text);
    } catch (error) {
      if (!(error instanceof WrongResult)) throw error;
      output.say(`${experiment.name} gave a WRONG RESULT: ${error.message}`);
      return EXIT.found;
    }
  }
  output.result(results, texts.join('\n\n'));
  return EXIT.done;
}

async function runOnServers(experiment: Experiment, quick: boolean, keep: boolean, output: Output) {
  const interrupted = (): void => {
    output.say('interrupted');
    void stopServers().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const machine = readMachine();
  try {
    const { env, processes, stop } = await startServers(experiment);
    try {
      return await withLab({ env, quick, say: output.say }, async (lab) => {
        output.say(`${experiment.name}: ${experiment.summary} (${lab.server})`);
        const endCount = countCpu([{ name: 'experiment', pid: process.pid }, ...processes]);
        const measured = await experiment.measure(lab);
        const run = {
          command: `npm run bench -- experiment ${experiment.name}`,
          server: lab.server,
          machine,
          cpu: endCount(),
        };
        if (keep) output.say(`written: ${keepReport(experiment, run, measured)}`);
        const text = Object.values(measured.sections)
          .map((lines) => lines.join('\n'))
          .join('\n\n');
        return { figures: measured.figures, text };
      });
    } finally {
      await stop();
    }
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}
