import { type Command, InvalidArgumentError } from 'commander';
import { keepsBinaryLog } from '../../../deploy/local/parts/mysql.ts';
import { startNothingMore } from '../../../deploy/local/processes.ts';
import { type AuditReport, type AuditSession, openAudit, renderAudit } from '../../../ops/src/audit/index.ts';
import { EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { type Machine, readMachine } from '../machine.ts';
import { inOneLine, type RequestsRun } from '../requests.ts';
import {
  type RequestsReport,
  type RequestsResult,
  type RequestsResults,
  renderRequestsReport,
  summarizeRequests,
} from '../requests-report.ts';
import { keepAs, summarizeAudit } from '../results.ts';
import { searchRate } from '../search.ts';
import { startTarget, stopTarget, type Target, useRunningTarget } from '../stack.ts';

export interface Options {
  json?: boolean;
  useRunning?: boolean;
  auth?: boolean;
  instances: number;
  report: boolean;
}

export interface RateOptions extends Options {
  rate?: number;
  from: number;
  seconds: number;
}

/** Adds the options of every command. */
export function shared(command: Command): Command {
  return command
    .option('--json', 'results as JSON')
    .option('--instances <n>', 'of each service', wholeNumber(1, 4), 1)
    .option('--use-running', 'load the stack that runs instead of a fresh one')
    .option('--no-report', 'leave docs/reports as it is');
}

/** Adds the option of commands whose requests need a user. */
export function withAuth(command: Command): Command {
  return command.option('--auth', 'with a gateway that wants tokens; a stack that runs is loaded as it is');
}

/** Adds the options of commands that search for a rate. @param from where the search begins, a second */
export function withRates(command: Command, what: string, from: number): Command {
  return shared(command)
    .option(
      '--rate <n>',
      `${what} a second; without it the highest rate that holds is searched for`,
      wholeNumber(1, 50_000),
    )
    .option('--search', 'search for the highest rate that holds (the default)')
    .option('--from <n>', 'where the search begins', wholeNumber(10, 20_000), from)
    .option('--seconds <n>', 'how long each load is measured', wholeNumber(5, 3_600), 20);
}

/** Collects NAME=value from a repeated option. */
export function assignment(text: string, before: string[]): string[] {
  if (!/^[A-Z][A-Z0-9_]*=/.test(text)) throw new InvalidArgumentError('It must be NAME=value.');
  return [...before, text];
}

export function asEnv(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
  );
}

/** Runs `work` on the system under load, with `env` for its services. A system started here is stopped afterwards. */
export async function withTarget(
  output: Output,
  options: Options,
  work: (target: Target) => Promise<ExitCode>,
  env: Readonly<Record<string, string>> = {},
): Promise<ExitCode> {
  const interrupted = (): void => {
    output.say('interrupted');
    // A process started from here on would outlive the stack.
    startNothingMore();
    void (options.useRunning ? Promise.resolve() : stopTarget()).finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const target = options.useRunning
    ? await useRunningTarget()
    : await startTarget(options.instances, output.say, { auth: options.auth ?? false, env });
  try {
    return await work(target);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await target.close();
  }
}

/** One load of a command that measures requests. */
export interface MeasuredLoad {
  /** Name of its result, which replaces the last one of the same name. */
  readonly name: string;
  readonly title: string;
  run(rate: number, seconds: number): Promise<RequestsRun>;
}

/** Measures each load at its rate, or searches for the rate; then audits, keeps the results and writes the report. */
export async function measureRequests(
  output: Output,
  options: RateOptions,
  target: Target,
  report: RequestsReport,
  prepare: (session: AuditSession) => Promise<{
    loads: readonly MeasuredLoad[];
    /** Further measurements beside the rates, made with the last load. */
    more?: () => Promise<RequestsResult['facts']>;
  }>,
): Promise<ExitCode> {
  const machine = readMachine();
  const session = await openAudit(target.addresses);
  try {
    const { loads, more } = await prepare(session);
    const measured = [];
    for (const load of loads) measured.push({ load, ...(await measure(load, options, output)) });
    const facts = await more?.();
    for (const [name, value] of facts ?? []) output.say(`${name}: ${value}`);
    await session.waitUntilIdle();
    const audit = await session.audit({ graceMs: 2_000 });
    output.say(renderAudit(audit));
    const results = measured.map(({ load, best, trials }, index) =>
      resultOf(load, best, trials, {
        machine,
        target,
        options,
        audit,
        facts: index === measured.length - 1 ? facts : undefined,
      }),
    );
    if (options.report) output.say(`written: ${keep(report, options, results)}`);
    output.result(
      results,
      results.map(({ title, run }) => `${title}: ${run ? inOneLine(run) : 'no rate held'}`).join('\n'),
    );
    return audit.ok && results.every(({ run }) => run?.held) ? EXIT.done : EXIT.found;
  } finally {
    await session.close();
  }
}

async function measure(load: MeasuredLoad, { rate, from, seconds }: RateOptions, output: Output) {
  output.say(`\n${load.title}${rate === undefined ? `, searching from ${from}/s` : ''}`);
  if (rate === undefined) return await searchRate(from, (each) => load.run(each, seconds));
  const run = await load.run(rate, seconds);
  return { best: run, trials: [run] };
}

function resultOf(
  load: MeasuredLoad,
  run: RequestsRun | undefined,
  trials: readonly RequestsRun[],
  context: {
    machine: Machine;
    target: Target;
    options: RateOptions;
    audit: AuditReport;
    facts: RequestsResult['facts'] | undefined;
  },
): RequestsResult & { name: string } {
  const { machine, target, options, audit, facts } = context;
  return {
    name: load.name,
    ...circumstances(target, machine, options, audit),
    title: load.title,
    run,
    searched: options.rate === undefined,
    trials: trials.map(summarizeRequests),
    ...(facts && { facts }),
  };
}

function keep(
  report: RequestsReport,
  { rate, instances }: RateOptions,
  results: readonly (RequestsResult & { name: string })[],
): string {
  return keepAs<RequestsResults>(
    report.name,
    { loads: {} },
    (all) => {
      for (const { name, ...result } of results)
        all.loads[`${name}${rate === undefined ? '' : ' at a given rate'}, ${instances}`] = result;
    },
    (all) => renderRequestsReport(report, all),
  );
}

/** How a result was measured, and what the audit found afterwards. */
export function circumstances(target: Target, machine: Machine, { instances }: Options, audit: AuditReport) {
  return {
    command: commandLine(),
    machine,
    target: target.description,
    binlog: keepsBinaryLog(),
    instances,
    audit: summarizeAudit(audit),
  };
}

export function commandLine(): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ');
}
