import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chosenStack } from '../chosen-stack.ts';
import { whenAskedToEnd } from '../ending.ts';
import { chromium } from '../fetch/chromium.ts';
import { run, StackError } from '../fetch.ts';
import { root } from '../paths.ts';
import { isEnding, refuseWhenEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { type InfraOptions, migrate, startInfra, stopOwnStack } from '../stack.ts';
import { runChecks } from './lint.ts';
import { addUp, type JestSummary, lastLine, openHandles, type ProcessReport, type Tally, tallyOf } from './tally.ts';

const jest = join(root, 'node_modules/jest/bin/jest.js');

/** How long a finished Jest may take to leave: what holds it open is a leak in a test or in what it tested. */
const leaveWithinMs = 20_000;

/** A Jest project, and the longest time that one of its tests may take, ms. */
type Project = readonly [name: string, testMs: number];

/** What runs before there are servers, side by side. */
const withoutServers: readonly Project[] = [
  ['unit', 10_000],
  ['simulation', 300_000],
];
const integration: Project = ['integration', 60_000];
/** What runs after it, side by side, each on servers of its own: who kills processes and who clicks both wait a lot. */
const faults: Project = ['faults', 240_000];
const browser: Project = ['browser', 90_000];

const children = new Set<ChildProcess>();

/** Runs every check and test (or those whose path matches the patterns) and sums them in the last line. */
export async function test(patterns: string[]): Promise<number> {
  const { name, portOffset } = chosenStack();
  const stack = { name: name === 'dev' ? 'test' : `${name}-test`, portOffset: portOffset + 1_000, fresh: true };
  const second = {
    ...stack,
    name: name === 'dev' ? 'browser-test' : `${name}-browser-test`,
    portOffset: portOffset + 1_500,
  };
  const stopStacks = () => Promise.all([stopOwnStack(stack.name), stopOwnStack(second.name)]);
  const scratch = mkdtempSync(join(tmpdir(), 'shop-test-'));
  const interrupted = whenAskedToEnd(async () => {
    for (const child of children) child.kill('SIGKILL');
    await stopStacks();
    rmSync(scratch, { recursive: true, force: true });
  }).then(() => 130);

  const tallies: Tally[] = [];
  // Fetching and starting servers takes as long as what needs none.
  const preparing = prepare(patterns, stack);
  const prepared = Promise.allSettled([preparing]);
  const runWith = (env: Record<string, string>, [project, testMs]: Project) =>
    runProject(project, testMs, patterns, scratch, env);
  try {
    if (patterns.length === 0) {
      const checks = await runChecks();
      tallies.push({
        passed: checks.filter((check) => check.passed).length,
        failed: checks.filter((check) => !check.passed).map((check) => check.name),
      });
    }
    tallies.push(...(await Promise.all(withoutServers.map((project) => runWith({}, project)))));
    const { wanted, missing, env } = await preparing;
    if (missing) tallies.push({ passed: 0, failed: [`browser: ${missing}`] });
    if (wanted.has(integration)) tallies.push(await runWith(env, integration));
    const clicks = wanted.has(browser) ? startServers(second).then((own) => runWith(own, browser), cannotRun) : [];
    const kills = wanted.has(faults) ? runWith(env, faults) : [];
    tallies.push(...(await Promise.all([kills, clicks])).flat());
  } catch (error) {
    if (isEnding()) return interrupted;
    console.error(error instanceof Error ? error.message : error);
    tallies.push({ passed: 0, failed: ['the test run itself'] });
  } finally {
    if (!isEnding()) {
      await prepared;
      await stopStacks();
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
  readonly wanted: ReadonlySet<Project>;
  /** Why there is no browser, if one is wanted. */
  readonly missing: string | undefined;
  /** The addresses of the servers; none where nothing needs these. */
  readonly env: Record<string, string>;
}

/** What runs beside it is not to be left alone for that. */
function cannotRun(error: Error): Tally {
  return { passed: 0, failed: [`browser: ${error.message}`] };
}

/** Servers for what needs them, but the browser's. */
async function prepare(patterns: string[], stack: InfraOptions): Promise<Prepared> {
  const wanted = new Set<Project>();
  for (const each of [integration, faults, browser]) if (await hasTests(each[0], patterns)) wanted.add(each);
  const missing = wanted.has(browser) ? await missingBrowser() : undefined;
  if (missing) wanted.delete(browser);
  const env = wanted.has(integration) || wanted.has(faults) ? await startServers(stack) : {};
  return { wanted, missing, env };
}

/** Never such that existed before: these tests empty schemas and kill processes. @returns their addresses */
async function startServers(options: InfraOptions): Promise<Record<string, string>> {
  const stack = await startInfra(options);
  await migrate(stack);
  return stack.env;
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

/** Why there is no browser, if so: that fails the tests that need one, and the others still run. */
async function missingBrowser(): Promise<string | undefined> {
  try {
    await chromium();
    return undefined;
  } catch (error) {
    if (error instanceof StackError) return error.message;
    throw error;
  }
}

/** One project in one process, one file after the other, so that leaks are seen and servers are not shared. */
async function runProject(
  project: string,
  testMs: number,
  patterns: string[],
  scratch: string,
  env: Record<string, string>,
): Promise<Tally> {
  refuseWhenEnding();
  const output = join(scratch, `${project}.json`);
  progress(project, 'tests');
  const args = ['--runInBand', `--testTimeout=${testMs}`, '--json', `--outputFile=${output}`];
  const report = join(scratch, `${project}-open.json`);
  const reporting = ['--report-on-signal', `--report-directory=${scratch}`, `--report-filename=${basename(report)}`];
  const current = spawn(process.execPath, [...reporting, ...jestArgs(project, patterns), ...args], {
    cwd: root,
    env: jestEnv(env) as NodeJS.ProcessEnv,
    // Jest prints its JSON to standard output too; people's words go to standard error.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.add(current);
  const exit = new Promise<number>((done) => current.once('exit', (code) => done(code ?? 1)));
  const stayedOpen = (await leaks(exit, output)) ? await whatIsOpen(current, report) : undefined;
  if (stayedOpen) current.kill('SIGKILL');
  const code = await exit;
  children.delete(current);
  const summary = existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as JestSummary) : undefined;
  return tallyOf(project, summary, code, stayedOpen, root);
}

/** Whether Jest is still there long after it wrote its results. */
async function leaks(exit: Promise<number>, output: string): Promise<boolean> {
  let exited = false;
  void exit.then(() => {
    exited = true;
  });
  while (!exited && !existsSync(output)) await Promise.race([exit, sleep(200)]);
  await Promise.race([exit, sleep(leaveWithinMs)]);
  return !exited;
}

/** Asked of the process itself: its diagnostic report names what keeps it. */
async function whatIsOpen(process: ChildProcess, report: string): Promise<string[]> {
  process.kill('SIGUSR2');
  for (let waited = 0; waited < 5_000; waited += 200) {
    await sleep(200);
    try {
      return openHandles(JSON.parse(readFileSync(report, 'utf8')) as ProcessReport);
    } catch {
      // Not written yet, or not to its end.
    }
  }
  return ['a loop that does not end: the process does not say what it has open'];
}
