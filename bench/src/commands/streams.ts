import type { Command } from 'commander';
import { renderAudit } from '../../../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { readMachine } from '../machine.ts';
import { openShop, productsInStock, USERS } from '../orders.ts';
import { profileOf } from '../profiles.ts';
import { keepAs } from '../results.ts';
import type { Target } from '../stack.ts';
import { allTold, inWords, runStreams } from '../streams.ts';
import { renderStreamsReport, type StreamsResults } from '../streams-report.ts';
import { circumstances, type Options, shared, withTarget } from './shared.ts';

interface StreamsOptions extends Options {
  open: number;
  rate: number;
  seconds: number;
}

/** Warm-up before the measurement: orders a second, seconds. */
const WARM_UP = [200, 5] as const;

export function addStreams(program: Command): void {
  shared(
    program
      .command('streams')
      .description('thousands who follow their orders: how soon each is told, and what it costs'),
  )
    .option('--open <n>', 'streams that are open on one gateway', wholeNumber(1, 50_000), 5_000)
    .option('--rate <n>', 'orders a second that are placed and followed beside them', wholeNumber(1, 2_000), 50)
    .option('--seconds <n>', 'for how long', wholeNumber(1, 600), 20)
    .addHelpText('after', '\nExample:\n  npm run bench -- streams --open 5000 --instances 2\n')
    .action(
      action<StreamsOptions>((output, options) =>
        withTarget(output, options, (target) => streams(output, options, target), {
          // Longer than the run, so that the held orders do not end.
          ORDER_DEADLINE_MS: '900000',
          MAX_STREAMS: String(options.open + 5_000),
        }),
      ),
    );
}

async function streams(output: Output, options: StreamsOptions, target: Target): Promise<ExitCode> {
  const { open, rate, seconds, instances } = options;
  if (!target.pause)
    throw new Error('the coupon service of a running stack is not ours to stop: leave out --use-running');
  const machine = readMachine();
  const shop = await openShop(target, output.say);
  try {
    await shop.run(profileOf(1, false), ...WARM_UP);
    const { gateway } = target.addresses;
    const release = await target.pause('coupon');
    const plan = {
      gateway,
      open,
      live: { perSecond: rate, seconds },
      users: USERS,
      products: await productsInStock(gateway),
    };
    const run = await runStreams(target, plan, release, output.say);
    await shop.session.waitUntilIdle();
    const audit = await shop.audit();
    output.say(renderAudit(audit));
    const result = { ...circumstances(target, machine, options, audit), run };
    if (options.report) {
      const path = keepAs<StreamsResults>(
        'streams',
        { runs: {} },
        (all) => {
          all.runs[`${open} streams, ${instances}`] = result;
        },
        renderStreamsReport,
      );
      output.say(`written: ${path}`);
    }
    output.result(result, `beside ${open} open: ${inWords(run.live)}\nall at once: ${inWords(run.released)}`);
    return audit.ok && allTold(run.live) && allTold(run.released) ? EXIT.done : EXIT.found;
  } finally {
    await shop.close();
  }
}
