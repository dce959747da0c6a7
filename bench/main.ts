import { Command, InvalidArgumentError } from 'commander';
import { type AuditReport, renderAudit } from '../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output, runProgram, wholeNumber } from '../ops/src/command.ts';
import { addExperiments } from './src/experiments/index.ts';
import { measureIdleLatency } from './src/idle-latency.ts';
import { readMachine } from './src/machine.ts';
import { openShop, type Shop } from './src/orders.ts';
import { PROFILES, type Profile, profileOf } from './src/profiles.ts';
import { type AuditSummary, keepResults, summarizeTrial } from './src/results.ts';
import { confirmedRate } from './src/sagas.ts';
import { searchRate } from './src/search.ts';
import { startTarget, stopTarget, type Target, useRunningTarget } from './src/stack.ts';

interface Options {
  json?: boolean;
  useRunning?: boolean;
  instances: number;
  report: boolean;
}
interface OrdersOptions extends Options {
  rate?: number;
  search?: boolean;
  from: number;
  lines?: number;
  hot?: boolean;
  seconds: number;
}

/** Before anything is measured: compiled code and warm caches are what a shop has that runs. */
const WARM_UP_RATE = 200;
const WARM_UP_SECONDS = 15;

function oneOrThree(text: string): number {
  if (text !== '1' && text !== '3') throw new InvalidArgumentError('It must be 1 or 3.');
  return Number(text);
}

const program = new Command('npm run bench --').description(
  'Measures the shop and writes docs/reports/orders.md. Results on stdout, words on stderr.',
);

shared(program.command('orders').description('an open-loop load of orders through the gateway'))
  .option(
    '--rate <n>',
    'orders a second; without it the highest rate that holds is searched for',
    wholeNumber(1, 50_000),
  )
  .option('--search', 'search for the highest rate that holds (the default)')
  .option('--from <n>', 'where the search begins', wholeNumber(10, 20_000), 400)
  .option('--lines <n>', '1 or 3 lines an order; without --lines and --hot all loads are run', oneOrThree)
  .option('--hot', 'every order wants the same product')
  .option('--seconds <n>', 'how long each load is measured', wholeNumber(5, 3_600), 20)
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
      return await withShop(output, options, (shop, target) => orders(output, options, shop, target));
    }),
  );

shared(program.command('latency').description('one order after the other on an idle system: order → COMPLETED'))
  .option('--orders <n>', 'how many', wholeNumber(10, 100_000), 500)
  .addHelpText('after', '\nExample:\n  npm run bench -- latency --instances 2\n')
  .action(
    action<Options & { orders: number }>((output, options) =>
      withShop(output, options, (shop, target) => latency(output, options, shop, target)),
    ),
  );

addExperiments(program);

await runProgram(program, process.argv);

function shared(command: Command): Command {
  return command
    .option('--json', 'results as JSON')
    .option('--instances <n>', 'of each service', wholeNumber(1, 4), 1)
    .option('--use-running', 'load the stack that runs instead of a fresh one')
    .option('--no-report', 'leave docs/reports as it is');
}

async function withShop(
  output: Output,
  options: Options,
  work: (shop: Shop, target: Target) => Promise<ExitCode>,
): Promise<ExitCode> {
  const interrupted = (): void => {
    output.say('interrupted');
    void (options.useRunning ? Promise.resolve() : stopTarget()).finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const target = options.useRunning ? useRunningTarget() : await startTarget(options.instances, output.say);
  try {
    const shop = await openShop(target, output.say);
    return await work(shop, target).finally(() => shop.close());
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await target.close();
  }
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
    command: commandLine(),
    machine,
    target: target.description,
    profile: profile.name,
    title: profile.title,
    instances: options.instances,
    run: best,
    searched,
    trials: trials.map(summarizeTrial),
    audit: summarize(report),
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

async function latency(
  output: Output,
  options: Options & { orders: number },
  shop: Shop,
  target: Target,
): Promise<ExitCode> {
  const machine = readMachine();
  await shop.session.waitUntilIdle();
  const measured = await measureIdleLatency(target.addresses.gateway, shop.session.sql, options.orders);
  const result = {
    command: commandLine(),
    machine,
    target: target.description,
    instances: options.instances,
    latency: measured,
  };
  if (options.report)
    output.say(
      `written: ${keepResults((all) => {
        all.latency[String(options.instances)] = result;
      })}`,
    );
  const { answer, toCompleted, failures } = measured;
  output.result(
    result,
    `answer p50 ${answer.p50.toFixed(1)} p95 ${answer.p95.toFixed(1)} ms; order → completed p50 ${toCompleted.p50.toFixed(0)} p95 ${toCompleted.p95.toFixed(0)} ms; ${failures} failed`,
  );
  return failures === 0 ? EXIT.done : EXIT.found;
}

function commandLine(): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ');
}

function summarize({ ok, orders: count, records, durationMs, findings }: AuditReport): AuditSummary {
  return {
    ok,
    orders: count,
    records,
    durationMs,
    failed: findings.filter((it) => it.failed > 0).map((it) => `${it.name} (${it.failed})`),
  };
}
