import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chosenStack } from '../chosen-stack.ts';
import { whenAskedToEnd } from '../ending.ts';
import { chromium } from '../fetch/chromium.ts';
import { brokersStack, root } from '../paths.ts';
import { isEnding, refuseWhenEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { run } from '../run.ts';
import { migrate, type Stack, startInfra, stopLeftovers, stopOwnStack } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { allServices } from '../topology.ts';
import { runChecks } from './lint.ts';
import { addUp, type JestSummary, lastLine, openHandles, type ProcessReport, type Tally, tallyOf } from './tally.ts';

const jest = join(root, 'node_modules/jest/bin/jest.js');

/** How long a finished Jest may take to exit: a handle that keeps it open is a leak in a test or in the tested code. */
const leaveWithinMs = 20_000;

/** A project of tests with the longest time of one test, ms. */
type Project = readonly [name: string, testMs: number];

/** Projects of tests that need no servers. They run side by side. */
const withoutServers: readonly Project[] = [
  ['unit', 10_000],
  ['simulation', 300_000],
];

/** A stack, and the projects of tests that need servers and run on it, one after the other. */
interface Lane {
  /** A part of the stack's name. */
  readonly prefix: string;
  /** By how much the stack's ports are higher than the chosen stack's. */
  readonly portOffset: number;
  readonly projects: readonly Project[];
}

const lanes: readonly Lane[] = [
  { prefix: '', portOffset: 1_000, projects: [['examples', 60_000]] },
  {
    prefix: 'faults-',
    // Seven instances of each service then have no port that `fetch` refuses (ports.ts).
    portOffset: 2_100,
    projects: [
      ['faults', 240_000],
      ['browser', 90_000],
    ],
  },
];

/** The project that is run in parts: a lane that has run its own projects takes the next part, so both end together. */
const shared: Project = ['integration', 60_000];
const PARTS = 6;

/**
 * Fault tests that `npm run drills` runs, in full. Without patterns `npm test` leaves them out: they take minutes. What
 * they try one by one has a shorter test too: `test/faults/recovery-all` restores each service, and
 * `test/integration/traces` has a collector that is no Jaeger.
 */
export const DRILLS_ALONE: readonly string[] = [
  'test/faults/recovery.test',
  'test/faults/recovery-(catalog|coupon|order|ranking).test',
  'test/faults/lost-log.test',
  'test/faults/point-in-time.test',
  'test/faults/jaeger.test',
  'test/faults/instances.test',
];

/**
 * The lanes run side by side: that is a third quicker on two cores, since tests wait for processes to start and to end.
 * SHOP_TEST_LANES=in-turn runs one after the other, for a machine with little memory or one core.
 */
const together = process.env.SHOP_TEST_LANES !== 'in-turn';

const children = new Set<ChildProcess>();

export interface TestOptions {
  /** Further environment of the tests with servers. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the results of each project that gave some. */
  readonly onSummary?: (summary: JestSummary) => void;
}

/** Runs every check and test (or those whose path matches the patterns). The last line sums them up. */
export async function test(patterns: string[], options: TestOptions = {}): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'shop-test-'));
  // A few files are no reason for several processes, nor is a lane that runs alone.
  const parts =
    patterns.length > 0 || !together ? ['1/1'] : Array.from({ length: PARTS }, (_, at) => `${at + 1}/${PARTS}`);
  const run: Run = { patterns, options, scratch, parts };
  const interrupted = whenAskedToEnd(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(lanes.map(stopStacks));
    rmSync(run.scratch, { recursive: true, force: true });
  }).then(() => 130);

  const tallies = await runAll(run);
  if (isEnding()) return interrupted;
  rmSync(run.scratch, { recursive: true, force: true });
  const sum = addUp(tallies);
  if (sum.failed.length > 0) console.log(`\nFailed:\n${sum.failed.map((each) => `  ${each}`).join('\n')}\n`);
  console.log(lastLine(sum));
  return sum.failed.length > 0 || sum.passed === 0 ? 1 : 0;
}

interface Run {
  readonly patterns: string[];
  readonly options: TestOptions;
  /** A folder for the results. */
  readonly scratch: string;
  /** The parts of the shared project that no lane has taken yet, as Jest's `--shard` wants them. */
  readonly parts: string[];
}

function stackOf({ prefix, portOffset }: Lane): { name: string; portOffset: number } {
  const chosen = chosenStack();
  const name = `${prefix}${chosen.name === 'dev' ? 'test' : `${chosen.name}-test`}`;
  return { name, portOffset: chosen.portOffset + portOffset };
}

/** Stops a lane's stack, and what a test that was killed has left of its brokers. */
async function stopStacks(lane: Lane): Promise<void> {
  const { name } = stackOf(lane);
  await stopLeftovers(brokersStack(name));
  await stopOwnStack(name);
}

/** Never rejects. */
async function runAll(run: Run): Promise<Tally[]> {
  const checked = run.patterns.length === 0 ? runAllChecks() : Promise.resolve([]);
  const alone = withoutServers.map(async ([project, testMs]) => {
    await checked;
    return runProject(run, project, testMs, {}).catch((error: unknown) => broken(error, project));
  });
  // Then a core is free again, for the lane that starts and stops most processes. The other lane does not wait.
  const oneEnded = Promise.race(alone);
  // Fetching and starting the servers takes as long as the checks and the tests without servers. One stack after the
  // other: both fetch the same tools.
  let mayBegin: Promise<unknown> = Promise.resolve();
  const running = lanes.map((lane) => {
    const prepared = prepare(run.patterns, lane, mayBegin);
    const ended = runLane(run, lane, prepared, lane === lanes[0] ? prepared : oneEnded);
    mayBegin = together ? Promise.allSettled([prepared]) : ended;
    return ended;
  });
  return [await checked, await Promise.all(alone), await Promise.all(running)].flat(2);
}

/** Never rejects. */
async function runAllChecks(): Promise<Tally[]> {
  try {
    const checks = await runChecks();
    const failed = checks.filter((check) => !check.passed).map((check) => check.name);
    return [{ passed: checks.length - failed.length, failed }];
  } catch (error) {
    return [broken(error, 'the checks')];
  }
}

/**
 * Runs the projects of a lane, then parts of the shared project, once its stack is there and `mayBegin` has settled.
 * Never rejects.
 */
async function runLane(
  run: Run,
  lane: Lane,
  prepared: Promise<Prepared>,
  mayBegin: Promise<unknown>,
): Promise<Tally[]> {
  const tallies: Tally[] = [];
  try {
    const { wanted, missing, env, takesParts } = await prepared;
    await mayBegin;
    if (missing) tallies.push({ passed: 0, failed: [`browser: ${missing}`] });
    for (const [project, testMs] of wanted) tallies.push(await runProject(run, project, testMs, env));
    while (takesParts && run.parts.length > 0) tallies.push(await runProject(run, ...shared, env, run.parts.shift()));
  } catch (error) {
    tallies.push(broken(error, `the run of tests on the stack ${stackOf(lane).name}`));
  } finally {
    if (!isEnding()) await stopStacks(lane);
  }
  return tallies;
}

function broken(error: unknown, what: string): Tally {
  if (!isEnding()) console.error(error instanceof Error ? error.message : error);
  return { passed: 0, failed: [what] };
}

interface Prepared {
  readonly wanted: readonly Project[];
  /** Whether the lane takes parts of the shared project. */
  readonly takesParts: boolean;
  /** The reason why there is no browser, if one is needed. */
  readonly missing: string | undefined;
  /** The addresses of the servers; empty when no servers are needed. */
  readonly env: Record<string, string>;
}

/**
 * Starts servers for the projects that need them, once `mayBegin` has settled. Never existing ones: these tests empty
 * schemas and kill processes. The browser is fetched meanwhile.
 */
async function prepare(patterns: string[], lane: Lane, mayBegin: Promise<unknown>): Promise<Prepared> {
  refuseWhenEnding();
  const wanted: Project[] = [];
  for (const each of lane.projects) if (await hasTests(each[0], patterns)) wanted.push(each);
  const browser = wanted.some(([project]) => project === 'browser') ? missingBrowser() : undefined;
  // With patterns the first lane alone has the shared project.
  const takesParts = patterns.length === 0 || (lane === lanes[0] && (await hasTests(shared[0], patterns)));
  const started = wanted.length > 0 || takesParts ? mayBegin.then(() => startServers(lane)) : undefined;
  // Also when there is no browser for another reason than a missing part: servers that start are stopped only then.
  await Promise.allSettled([browser, started]);
  const [missing, stack] = await Promise.all([browser, started]);
  const possible = missing ? wanted.filter(([project]) => project !== 'browser') : wanted;
  return { wanted: possible, takesParts, missing, env: stack?.env ?? {} };
}

async function startServers(lane: Lane): Promise<Stack> {
  refuseWhenEnding();
  const stack = await startInfra({ ...stackOf(lane), fresh: true });
  await migrate(stack, allServices);
  return stack;
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

/** The environment of a Jest: the caller's, with further variables. */
export function jestEnv(env: Record<string, string>): Record<string, string | undefined> {
  return {
    ...process.env,
    ...env,
    NODE_ENV: 'test',
    NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
  };
}

async function hasTests(project: string, patterns: string[]): Promise<boolean> {
  if (patterns.length === 0) return true;
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

/**
 * Runs one project, or a part of it, in one process, file after file, so that leaks are noticed and servers are not
 * shared.
 */
async function runProject(
  { patterns, scratch, options }: Run,
  project: string,
  testMs: number,
  env: Record<string, string>,
  part = '1/1',
): Promise<Tally> {
  refuseWhenEnding();
  const name = `${project}-${part.replace('/', '-of-')}`;
  const output = join(scratch, `${name}.json`);
  progress(project, part === '1/1' ? 'tests' : `tests, part ${part}`);
  const args = ['--runInBand', `--testTimeout=${testMs}`, `--shard=${part}`, '--json', `--outputFile=${output}`];
  const report = join(scratch, `${name}-open.json`);
  const reporting = ['--report-on-signal', `--report-directory=${scratch}`, `--report-filename=${basename(report)}`];
  const current = spawn(process.execPath, [...reporting, ...jestArgs(project, patterns), ...args], {
    cwd: root,
    env: jestEnv({
      ...env,
      ...options.env,
      SHOP_LEAVE_OUT: patterns.length > 0 ? '' : DRILLS_ALONE.join(' '),
    }) as NodeJS.ProcessEnv,
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
