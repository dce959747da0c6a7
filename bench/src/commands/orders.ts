import { type Command, InvalidArgumentError } from 'commander';
import { renderAudit } from '../../../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output } from '../../../ops/src/command.ts';
import { readMachine } from '../machine.ts';
import { openShop, type Shop } from '../orders.ts';
import { PROFILES, type Profile, profileOf } from '../profiles.ts';
import { keepResults } from '../report.ts';
import { summarizeTrial } from '../results.ts';
import { confirmedRate } from '../sagas.ts';
import { searchRate } from '../search.ts';
import type { Target } from '../stack.ts';
import { circumstances, type RateOptions, withAuth, withRates, withTarget } from './shared.ts';

interface OrdersOptions extends RateOptions {
  lines?: number;
  hot?: boolean;
}

/** Warm-up before the measurement: a running shop has compiled code and warm caches. */
const WARM_UP_RATE = 200;
const WARM_UP_SECONDS = 15;

function oneOrThree(text: string): number {
  if (text !== '1' && text !== '3') throw new InvalidArgumentError('It must be 1 or 3.');
  return Number(text);
}

export function addOrders(program: Command): void {
  withAuth(
    withRates(program.command('orders').description('an open-loop load of orders through the gateway'), 'orders', 400),
  )
    .option('--lines <n>', '1 or 3 lines an order; without --lines and --hot all loads are run', oneOrThree)
    .option('--hot', 'every order wants the same product')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- orders\n  npm run bench -- orders --hot --rate 400 --seconds 30\n',
    )
    .action(
      action<OrdersOptions>(async (output, options) => {
        if (options.hot && options.lines === 3) {
          output.say('There is no load of three lines on one hot product: --lines 3 or --hot.');
          return EXIT.usage;
        }
        return await withTarget(output, options, async (target) => {
          const shop = await openShop(target, output.say);
          return await orders(output, options, shop, target).finally(() => shop.close());
        });
      }),
    );
}

async function orders(output: Output, options: OrdersOptions, shop: Shop, target: Target): Promise<ExitCode> {
  const machine = readMachine();
  output.say(`warming up for ${WARM_UP_SECONDS} s`);
  await shop.run(profileOf(1, false), WARM_UP_RATE, WARM_UP_SECONDS);
  const profiles =
    options.lines === undefined && !options.hot ? PROFILES : [profileOf(options.lines ?? 1, options.hot ?? false)];
  const measured = [];
  for (const profile of profiles) measured.push({ profile, ...(await measure(profile, options, shop, output)) });
  const report = await shop.audit();
  output.say(renderAudit(report));
  const searched = options.rate === undefined;
  const results = measured.map(({ profile, best, trials }) => ({
    ...circumstances(target, machine, options, report),
    profile: `${profile.name}${target.auth ? ' auth' : ''}`,
    title: `${profile.title}${target.auth ? ', with tokens' : ''}`,
    run: best,
    searched,
    trials: trials.map(summarizeTrial),
  }));
  if (options.report) {
    const file = keepResults((all) => {
      for (const result of results)
        all.orders[`${result.profile}${searched ? '' : ' at a given rate'}, ${options.instances}`] = result;
    });
    output.say(`written: ${file}`);
  }
  output.result(
    results,
    results
      .map(
        (it) =>
          `${it.title}: ${it.run ? `${confirmedRate(it.run.sagas, it.run.seconds).toFixed(0)} confirmed/s at ${it.run.rate}/s` : 'no rate held'}`,
      )
      .join('\n'),
  );
  return report.ok && results.every((result) => result.run?.held) ? EXIT.done : EXIT.found;
}

async function measure(profile: Profile, { rate, from, seconds }: OrdersOptions, shop: Shop, output: Output) {
  output.say(`\n${profile.title}${rate === undefined ? `, searching from ${from}/s` : ''}`);
  if (rate === undefined) return await searchRate(from, (each) => shop.run(profile, each, seconds));
  const run = await shop.run(profile, rate, seconds);
  return { best: run, trials: [run] };
}
