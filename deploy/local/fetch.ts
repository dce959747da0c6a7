import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { toolsDir } from './paths.ts';
import { refuseWhenEnding } from './processes.ts';
import { progress } from './progress.ts';

/** A sentence for the person at the terminal: what is missing and what to do. Printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
}

const running = new Set<ChildProcess>();
const arriving = new Map<string, Promise<string>>();

/**
 * The folder of a tool, which `fetch` fills when it is not there yet. A tool lands whole or not at all: it is fetched
 * beside its place and then renamed, so an interrupted first run leaves nothing that looks finished.
 */
export function ensureTool(name: string, fetch: (into: string) => Promise<void>): Promise<string> {
  const target = join(toolsDir, name);
  if (existsSync(target)) return Promise.resolve(target);
  const known = arriving.get(target);
  if (known) return known;
  const arrival = bring(name, target, fetch).finally(() => arriving.delete(target));
  arriving.set(target, arrival);
  return arrival;
}

async function bring(name: string, target: string, fetch: (into: string) => Promise<void>): Promise<string> {
  mkdirSync(toolsDir, { recursive: true });
  removeAbandoned(target);
  const part = `${target}.part-${process.pid}`;
  mkdirSync(part);
  const started = Date.now();
  progress(name, 'fetching');
  try {
    await fetch(part);
    // Another checkout that shares the tools may have been quicker.
    if (!existsSync(target)) renameSync(part, target);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  progress(name, `fetched in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return target;
}

/** Half-fetched folders whose fetcher is gone. */
function removeAbandoned(target: string): void {
  for (const entry of readdirSync(dirname(target))) {
    const pid = entry.startsWith(`${basename(target)}.part-`) ? Number(entry.split('.part-')[1]) : Number.NaN;
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(dirname(target), entry), { recursive: true, force: true });
  }
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
  /** How many of the last lines of output a failure shows; 12 when left out. */
  keepLines?: number;
}

/** Runs a command to its end and gives its standard output; fails with its last lines of output. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  return new Promise((done, failed) => {
    refuseWhenEnding();
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: (options.env ?? process.env) as NodeJS.ProcessEnv,
      stdio: 'pipe',
    });
    running.add(child);
    let out = '';
    let all = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk) => {
      all += chunk;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => failed(new StackError(`${command} could not be run: ${error.message}`)));
    child.once('close', (code) => {
      running.delete(child);
      if (code === 0) done(out);
      else
        failed(
          new StackError(
            `${basename(command)} ${args[0] ?? ''} failed:\n${all
              .trim()
              .split('\n')
              .slice(-(options.keepLines ?? 12))
              .join('\n')}`,
          ),
        );
    });
  });
}

/** Ends whatever `run` is still waiting for. */
export function abandonFetches(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** The full path of an installed program. */
export function installed(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
