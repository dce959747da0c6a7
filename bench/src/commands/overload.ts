import { Argument, type Command } from 'commander';
import { action, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { SERVICE_NAMES } from '../../../services/services.ts';
import { MAX_CONNECTIONS } from '../flood/plan.ts';
import { createPolicies, createProduct, sale } from '../flood/shop.ts';
import { tryRate } from '../flood/trial.ts';
import { findPeak, finishedPerSecond, OVERLOADS, type OverloadName, runOverload } from '../overload.ts';
import { NO_OVERLOADS, type OverloadResults, renderOverloads } from '../overload-report.ts';
import { keepAs } from '../results.ts';
import { runStall } from '../stall.ts';
import { type FloodOptions, flooding, type Site, withLoaded } from './loaded.ts';

interface OverloadOptions extends FloodOptions {
  peak?: number;
  seconds: number;
  afterSeconds: number;
}

interface OpeningOptions extends FloodOptions {
  clients: number;
  stock: number;
  limitSeconds: number;
}

/** How long a patient client waits before it asks again, ms: longer than an order is waited for. */
const PATIENT_MS = 20_000;
const TIMELY_SECONDS = 60;
/** Warm-up before an opening: requests a second, seconds. */
const WARM_UP_RATE = 300;
const WARM_UP_SECONDS = 8;
const STALLED = ['gateway', ...SERVICE_NAMES];

function withPeak(command: Command, seconds: number): Command {
  return flooding(command)
    .option('--peak <n>', 'the rate that holds, a second; without it it is searched for', wholeNumber(1, 50_000))
    .option('--seconds <n>', 'how long each step is', wholeNumber(2, 600), seconds)
    .option('--after-seconds <n>', 'how long half the rate is offered afterwards', wholeNumber(2, 600), 30);
}

const EXIT_CODES = '\nExit codes: 0 done, 1 failed, 2 bad usage, 3 the audit found something.\n';

export function addOverload(program: Command): void {
  withPeak(
    program
      .command('overload')
      .description(
        '1, 2, 4 and 8 times the rate that holds, then half of it: what is finished, and how soon all is normal',
      )
      .addArgument(new Argument('[load]', 'what is offered').choices(OVERLOADS).default('orders')),
    30,
  )
    .addHelpText('after', `\nExample:\n  npm run bench -- overload sale --peak 2000 --seconds 10\n${EXIT_CODES}`)
    .action(
      action<OverloadOptions>((output, options, load = 'orders') =>
        withLoaded(output, options, (it) => overload(output, options, load as OverloadName, it)),
      ),
    );

  flooding(
    program
      .command('opening')
      .description(
        'thousands of patient clients at once for a few coupons and pieces: how soon each knows, and after how many requests',
      ),
  )
    .option('--clients <n>', 'clients who come within a second', wholeNumber(1, MAX_CONNECTIONS), 10_000)
    .option('--stock <n>', 'coupons, and pieces', wholeNumber(1, 100_000), 1_000)
    .option('--limit-seconds <n>', 'when those give up who know nothing', wholeNumber(5, 3_600), 180)
    .addHelpText('after', `\nExample:\n  npm run bench -- opening --clients 2000 --stock 200\n${EXIT_CODES}`)
    .action(
      action<OpeningOptions>((output, options) => withLoaded(output, options, (it) => opening(output, options, it))),
    );

  withPeak(
    program
      .command('stall')
      .description('a service stands still under orders at the rate that holds, and goes on')
      .addArgument(new Argument('[service]', 'which').choices(STALLED).default('payment')),
    20,
  )
    .addHelpText('after', `\nExample:\n  npm run bench -- stall payment --seconds 20 --peak 800\n${EXIT_CODES}`)
    .action(
      action<OverloadOptions>((output, options, service = 'payment') =>
        withLoaded(output, options, (it) => stall(output, options, service, it)),
      ),
    );
}

function keepResult(change: (results: OverloadResults) => void): string {
  return keepAs<OverloadResults>('overload', NO_OVERLOADS, change, renderOverloads);
}

async function overload(
  output: Output,
  { peak, seconds, afterSeconds }: OverloadOptions,
  name: OverloadName,
  { loaded, stock, conclude }: Site,
): Promise<ExitCode> {
  const result = await runOverload(name, loaded, stock, { peak, seconds, afterSeconds }, output.say);
  const code = await conclude((about) =>
    keepResult(({ overloads }) => {
      overloads[`${name}${about.binlog ? ', binary log' : ''}`] = { ...about, overload: result };
    }),
  );
  const lines = result.steps.flatMap((step) =>
    Object.entries(step.kinds).map(
      ([kind, it]) =>
        `${step.name} ${kind}: ${it.offered} offered, ${finishedPerSecond(step, kind).toFixed(0)} finished/s, served p50 ${it.served.p50.toFixed(0)} p95 ${it.served.p95.toFixed(0)} ms; ` +
        `${it.refused} refused, p95 ${it.refusedIn.p95.toFixed(0)} ms; ${it.gone} gone, ${it.unconnected} no connection, ${it.cut} cut` +
        (kind === 'orders' && step.orders
          ? `; ${step.orders.missedDeadline} accepted and ended by their deadline`
          : ''),
    ),
  );
  lines.push(
    `normal again: ${result.normalAfterSeconds === undefined ? 'no' : `after ${result.normalAfterSeconds} s`}`,
  );
  output.result(result, lines.join('\n'));
  return code;
}

async function opening(
  output: Output,
  { clients, stock, limitSeconds }: OpeningOptions,
  { target, loaded, stock: stocked, conclude }: Site,
): Promise<ExitCode> {
  const [couponPolicyId = 0] = await createPolicies(target.addresses, stock);
  const productId = await createProduct(target.addresses, { name: 'opening', price: 1_000, stockQuantity: stock });
  // A warm-up compiles the code: a shop that opens a sale has been running.
  await tryRate(loaded, sale(stocked.products, await stocked.policies(10_000)), WARM_UP_RATE, WARM_UP_SECONDS);
  await loaded.idle(60_000);
  output.say(`${clients} clients come`);
  const result = await loaded.generator.open(
    {
      target: loaded.gateway,
      clients,
      rampSeconds: 1,
      couponPolicyId,
      productId,
      connections: MAX_CONNECTIONS,
      patienceMs: PATIENT_MS,
      limitSeconds,
      timelySeconds: TIMELY_SECONDS,
    },
    loaded.processes,
  );
  await loaded.idle(120_000);
  const code = await conclude((about) =>
    keepResult(({ openings }) => {
      openings[`${clients}, ${stock}`] = { ...about, opening: result, timelySeconds: TIMELY_SECONDS, stock };
    }),
  );
  output.result(
    result,
    [
      `${((100 * result.timely) / clients).toFixed(1)} % know both ends within ${TIMELY_SECONDS} s`,
      ...Object.entries(result.ends).map(([end, n]) => `${end}: ${n}`),
      ...Object.entries(result.again).map(([why, n]) => `came back, ${why}: ${n}`),
      `requests of a client: median ${result.requests.median}, max ${result.requests.max}`,
      `to the order's end: p50 ${(result.toOrder.p50 / 1_000).toFixed(1)} p95 ${(result.toOrder.p95 / 1_000).toFixed(1)} max ${(result.toOrder.max / 1_000).toFixed(1)} s`,
    ].join('\n'),
  );
  return code;
}

async function stall(
  output: Output,
  options: OverloadOptions,
  service: string,
  { loaded, stock, conclude }: Site,
): Promise<ExitCode> {
  const { peak = await findPeak('orders', loaded, stock, output.say), seconds, afterSeconds } = options;
  const result = await runStall(service, loaded, stock, { peak, seconds, afterSeconds }, output.say);
  const code = await conclude((about) =>
    keepResult(({ stalls }) => {
      stalls[service] = { ...about, stall: result };
    }),
  );
  output.result(
    result,
    result.steps
      .map(({ name, kinds, orders }) => {
        const { orders: asked, reads } = kinds;
        return (
          `${name}: ${asked?.right} accepted, ${asked?.refused} refused, ${orders.missedDeadline} ended by their deadline; ` +
          `reads ${reads?.right} of ${reads?.offered} right, p95 ${reads?.served.p95.toFixed(0)} ms`
        );
      })
      .concat(
        `normal again, s after it went on: answers ${result.answersNormalAfterSeconds ?? 'no'}, completions ${result.completionsNormalAfterSeconds ?? 'no'}`,
      )
      .join('\n'),
  );
  return code;
}
