import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { auditOf, onFreshStack, runningStack } from '../bench/src/on-stack.ts';
import { tokensFile, wantsTokens } from '../bench/src/tokens.ts';
import { chosenStack } from '../deploy/local/chosen-stack.ts';
import { attached } from '../deploy/local/commands/tool.ts';
import { findK6 } from '../deploy/local/fetch/k6.ts';
import { openPart } from '../deploy/local/part.ts';
import { stackDir } from '../deploy/local/paths.ts';
import type { Addresses } from '../ops/src/addresses.ts';
import { renderAudit } from '../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output, runProgram, table, wholeNumber } from '../ops/src/command.ts';
import { influxAddress, k6Command, THRESHOLDS_FAILED } from './src/command.ts';
import { type Scenario, scenarios } from './src/scenarios.ts';

interface Options {
  list?: boolean;
  fresh?: boolean;
  instances: number;
  influx?: string | true;
  env: string[];
  json?: boolean;
}

const all = scenarios();
/** Users of the demo data, and the scenarios' default. */
const DEMO_USERS = 10_000;

function assignment(text: string, before: string[]): string[] {
  if (!/^\w+=/.test(text)) throw new InvalidArgumentError('It must be NAME=value.');
  return [...before, text];
}

function address(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('It must be a URL, e.g. http://127.0.0.1:8086/k6.');
  return influxAddress(text);
}

const program = new Command('npm run k6 --')
  .description(
    'Runs a k6 load test on the stack that runs (npm start), then the audit. Reports are in .local/<stack>/k6.',
  )
  .addArgument(new Argument('[scenario]', 'what to run').choices(all.map(({ name }) => name)))
  .option('--list', 'the scenarios')
  .option('--fresh', 'on a fresh stack of its own, which is ended again')
  .option('--instances <n>', 'of each service, with --fresh', wholeNumber(1, 4), 1)
  .option(
    '--influx [url]',
    'send all points to this InfluxDB 1.x; without a URL to a local one, which is started',
    address,
  )
  .option('-e, --env <NAME=value>', 'for the scenario, e.g. PEAK_RPS=500; may be repeated', assignment, [])
  .addHelpText(
    'after',
    '\nExamples:\n  npm run k6 -- coupon-spike -e POLICY_ID=new -e PEAK_RPS=500\n  npm run k6 -- orders-mixed --fresh --influx\n',
  )
  .action(
    action<Options>(async (output, options, name) => {
      if (options.list) {
        output.result(all, table(all.map((each) => [each.name, each.description])));
        return EXIT.done;
      }
      const scenario = all.find((each) => each.name === name);
      if (!scenario) {
        output.say(`Which scenario? There are ${all.map((each) => each.name).join(', ')} (--list tells more).`);
        return EXIT.usage;
      }
      // Before the start: building k6 takes minutes, and may be impossible.
      const k6 = await findK6();
      return options.fresh
        ? await onFreshStack(output, { instances: options.instances }, (addresses, stack) =>
            run(output, options, scenario, k6, addresses, stack),
          )
        : await run(output, options, scenario, k6, await runningStack(), chosenStack().name);
    }),
  );

await runProgram(program, process.argv);

async function run(
  output: Output,
  options: Options,
  scenario: Scenario,
  k6: string,
  addresses: Addresses,
  stack: string,
): Promise<ExitCode> {
  const influx = options.influx === true ? await localInflux(output) : options.influx;
  const folder = join(stackDir(stack), 'k6');
  mkdirSync(folder, { recursive: true });
  const started = new Date().toISOString();
  const gateway = process.env.BASE_URL ?? addresses.gateway;
  const command = k6Command({
    scenario,
    gateway,
    folder,
    run: started,
    influx,
    env: [...(await tokensOf(gateway, stack, options.env)), ...options.env],
  });
  output.say(`${scenario.name}: ${scenario.description}\n`);
  const code = await attached(k6, [...command.args], { ...process.env, ...command.env });
  if (influx) output.say(whereToLook(influx, scenario, started));
  output.say(`report: ${command.report}\nfigures: ${command.summary}`);
  if (code !== 0 && code !== THRESHOLDS_FAILED) {
    output.say(`k6 ended with ${code}`);
    return EXIT.failed;
  }
  const audit = await auditOf(addresses);
  output.say(`\n${renderAudit(audit)}`);
  const kept = code === 0;
  output.result(
    { scenario: scenario.name, thresholds: kept, audit: audit.ok, report: command.report, summary: command.summary },
    `${scenario.name}: ${kept ? 'every threshold was kept' : 'a threshold was NOT kept'}; the audit ${audit.ok ? 'is clean' : 'is NOT clean'}`,
  );
  return kept && audit.ok ? EXIT.done : EXIT.found;
}

/** The terminal's own InfluxDB, so that earlier runs are there too, whatever stack is under load. */
async function localInflux(output: Output): Promise<string> {
  const part = openPart({ ...chosenStack(), instances: 1, existing: {} }, 'influxdb', false);
  await part.start();
  output.say(`InfluxDB runs on port ${part.port}; \`npm run stop\` stops it`);
  return influxAddress(`http://127.0.0.1:${part.port}`);
}

function whereToLook(influx: string, { name }: Scenario, started: string): string {
  const { origin, pathname } = new URL(influx);
  const query = `SELECT percentile(value, 95) FROM http_req_duration WHERE test = '${name}' AND run = '${started}' GROUP BY time(5s)`;
  return [
    `The points are in ${influx}, tagged test=${name}, run=${started}.`,
    'Grafana with deploy/grafana/dashboards shows them (k6/README.md). Without it, for example:',
    `  curl -sG ${origin}/query --data-urlencode 'db=${pathname.slice(1)}' --data-urlencode "q=${query}"`,
  ].join('\n');
}

/** Tokens for the scenario's users, where the gateway requires them and belongs to a local stack. */
async function tokensOf(gateway: string, stack: string, env: readonly string[]): Promise<string[]> {
  if (!(await wantsTokens(gateway))) return [];
  const users = env.findLast((each) => each.startsWith('USERS='))?.slice('USERS='.length) ?? process.env.USERS;
  return [`TOKENS=${await tokensFile(stack, Number(users || DEMO_USERS))}`];
}
