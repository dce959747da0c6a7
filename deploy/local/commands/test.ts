import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chosenStack } from '../chosen-stack.ts';
import { whenAskedToEnd } from '../ending.ts';
import { chromium } from '../fetch/chromium.ts';
import { root } from '../paths.ts';
import { isEnding, refuseWhenEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { run } from '../run.ts';
import { migrate, startInfra, stopOwnStack } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { allServices } from '../topology.ts';
import { runChecks } from './lint.ts';
import { addUp, type JestSummary, lastLine, openHandles, type ProcessReport, type Tally, tallyOf } from './tally.ts';

const jest = join(root, 'node_modules/jest/bin/jest.js');

/** How long a finished Jest may take to exit: a handle that keeps it open is a leak in a test or in the tested code. */
const leaveWithinMs = 20_000;

/**
 * Projects of tests that need no servers and run side by side, and projects that need servers, each with the longest
 * time of one test, ms.
 */
const withoutServers: [project: string, testMs: number][] = [
  ['unit', 10_000],
  ['simulation', 300_000],
];
const withServers: [project: string, testMs: number][] = [
  ['integration', 60_000],
  ['faults', 240_000],
  ['browser', 90_000],
];

const children = new Set<ChildProcess>();

export interface TestOptions {
  /** Further environment of the tests with servers. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the results of each project that gave some. */
  readonly onSummary?: (summary: JestSummary) => void;
}

/** Runs every check and test (or those whose path matches the patterns). The last line sums them up. */
export async function test(patterns: string[], options: TestOptions = {}): Promise<number> {
  const { name, portOffset } = chosenStack();
  const stackName = name === 'dev' ? 'test' : `${name}-test`;
  const scratch = mkdtempSync(join(tmpdir(), 'shop-test-'));
  const interrupted = whenAskedToEnd(async () => {
    for (const child of children) child.kill('SIGKILL');
    await stopOwnStack(stackName);
    rmSync(scratch, { recursive: true, force: true });
  }).then(() => 130);

  const tallies: Tally[] = [];
  // Fetching and starting the servers takes as long as the tests without servers.
  const preparing = prepare(patterns, { name: stackName, portOffset: portOffset + 1000, fresh: true });
  const prepared = Promise.allSettled([preparing]);
  try {
    if (patterns.length === 0) {
      const checks = await runChecks();
      tallies.push({
        passed: checks.filter((check) => check.passed).length,
        failed: checks.filter((check) => !check.passed).map((check) => check.name),
      });
    }
    const alone = withoutServers.map(([project, testMs]) =>
      runProject(project, testMs, patterns, scratch, {}, options),
    );
    tallies.push(...(await Promise.all(alone)));
    const { wanted, missing, env } = await preparing;
    if (missing) tallies.push({ passed: 0, failed: [`browser: ${missing}`] });
    for (const [project, testMs] of wanted) {
      tallies.push(await runProject(project, testMs, patterns, scratch, env, options));
    }
  } catch (error) {
    if (isEnding()) return interrupted;
    console.error(error instanceof Error ? error.message : error);
    tallies.push({ passed: 0, failed: ['the test run itself'] });
  } finally {
    if (!isEnding()) {
      await prepared;
      await stopOwnStack(stackName);
    }
  }
  if (isEnding()) return interrupted;
  rmSync(scratch, { recursive: true, force: true });
  const sum = addUp(tallies);
  if (sum.failed.length > 0) console.log(`\nFailed:\n${sum.failed.map((each) => `  ${each}`).join('\n')}\n`);
  console.log(lastLine(sum));
  return sum.failed.length > 0 || sum.passed === 0 ? 1 : 0;
}

interface Prepared {
  readonly wanted: typeof withServers;
  /** The reason why there is no browser, if one is needed. */
  readonly missing: string | undefined;
  /** The addresses of the servers; empty when no servers are needed. */
  readonly env: Record<string, string>;
}

/**
 * Starts servers for the projects that need them. Never existing ones: these tests empty schemas and kill processes.
 */
async function prepare(patterns: string[], options: Parameters<typeof startInfra>[0]): Promise<Prepared> {
  const wanted: typeof withServers = [];
  for (const each of withServers) if (await hasTests(each[0], patterns)) wanted.push(each);
  const missing = wanted.some(([project]) => project === 'browser') ? await missingBrowser() : undefined;
  const possible = missing ? wanted.filter(([project]) => project !== 'browser') : wanted;
  if (possible.length === 0) return { wanted: possible, missing, env: {} };
  const stack = await startInfra(options);
  await migrate(stack, allServices);
  return { wanted: possible, missing, env: stack.env };
}

function jestArgs(project: string, patterns: string[]): string[] {
  return [
    jest,
    '--selectProjects',
    project,
    '--passWithNoTests',
    ...(patterns.length > 0 ? ['--testPathPatterns', ...patterns] : []),
  ];
}

function jestEnv(env: Record<string, string>): Record<string, string | undefined> {
  return {
    ...process.env,
    ...env,
    NODE_ENV: 'test',
    NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
  };
}

async function hasTests(project: string, patterns: string[]): Promise<boolean> {
  const files = await run(process.execPath, [...jestArgs(project, patterns), '--listTests'], {
    cwd: root,
    env: jestEnv({}),
  });
  return files.split('\n').some((line) => line.endsWith('.test.ts'));
}

/** The reason why there is no browser, if so: only the tests that need one fail. */
async function missingBrowser(): Promise<string | undefined> {
  try {
    await chromium();
    return undefined;
  } catch (error) {
    if (error instanceof StackError) return error.message;
    throw error;
  }
}

/** Runs one project in one process, file after file, so that leaks are noticed and servers are not shared. */
async function runProject(
  project: string,
  testMs: number,
  patterns: string[],
  scratch: string,
  env: Record<string, string>,
  options: TestOptions,
): Promise<Tally> {
  refuseWhenEnding();
  const output = join(scratch, `${project}.json`);
  progress(project, 'tests');
  const args = ['--runInBand', `--testTimeout=${testMs}`, '--json', `--outputFile=${output}`];
  const report = join(scratch, `${project}-open.json`);
  const reporting = ['--report-on-signal', `--report-directory=${scratch}`, `--report-filename=${basename(report)}`];
  const current = spawn(process.execPath, [...reporting, ...jestArgs(project, patterns), ...args], {
    cwd: root,
    env: jestEnv({ ...env, ...options.env }) as NodeJS.ProcessEnv,
    // Jest prints its JSON to standard output too; messages for people go to standard error.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.add(current);
  const exit = new Promise<number>((done) => current.once('exit', (code) => done(code ?? 1)));
  const stayedOpen = (await leaks(exit, output)) ? await whatIsOpen(current, report) : undefined;
  if (stayedOpen) current.kill('SIGKILL');
  const code = await exit;
  children.delete(current);
  const summary = existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as JestSummary) : undefined;
  if (summary) options.onSummary?.(summary);
  return tallyOf(project, summary, code, stayedOpen, root);
}

/** Whether Jest is still running long after it wrote its results. */
async function leaks(exit: Promise<number>, output: string): Promise<boolean> {
  let exited = false;
  void exit.then(() => {
    exited = true;
  });
  while (!exited && !existsSync(output)) await Promise.race([exit, sleep(200)]);
  await Promise.race([exit, sleep(leaveWithinMs)]);
  return !exited;
}

/** Asks the process itself: its diagnostic report names the open handles. */
async function whatIsOpen(process: ChildProcess, report: string): Promise<string[]> {
  process.kill('SIGUSR2');
  for (let waited = 0; waited < 5_000; waited += 200) {
    await sleep(200);
    try {
      return openHandles(JSON.parse(readFileSync(report, 'utf8')) as ProcessReport);
    } catch {
      // The report is not written yet, or not completely.
    }
  }
  return ['a loop that does not end: the process does not say what it has open'];
}
