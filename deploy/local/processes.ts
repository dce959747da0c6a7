import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A process started here. `identity` is the boot and the moment of its start: pids are reused, and a record that
 * outlived its process must never get another process killed.
 */
export interface PidRecord {
  name: string;
  pid: number;
  identity: string;
  command: string;
  log: string;
  /** Size of the log when the process was started, bytes. */
  logStart: number;
}

export interface Launch {
  name: string;
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string | undefined>;
  /** Standard output and errors are appended to this file. */
  log: string;
  /** The folder of pid records. */
  pids: string;
}

let ending = false;

/** Prevents further starts: this process has been asked to end, and processes started now would be left over. */
export function startNothingMore(): void {
  ending = true;
}

export function isEnding(): boolean {
  return ending;
}

/** @throws when this process has been asked to end */
export function refuseWhenEnding(): void {
  if (ending) throw new Error('stopping');
}

/**
 * The start time (clock ticks after boot) in the text of /proc/<pid>/stat; undefined for a zombie.
 * @param threads number of threads left: a killed process is a zombie before its last thread has released files and
 * ports
 */
export function startTicks(stat: string, threads = 1): string | undefined {
  // The command's name is in parentheses and may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (fields[0] === 'Z' || fields[0] === 'X') && threads <= 1 ? undefined : fields[19];
}

/** Distinguishes this process from others with the same pid at other times; undefined when there is none. */
export function processIdentity(pid: number): string | undefined {
  try {
    if (existsSync('/proc/self/stat')) {
      const ticks = startTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'), readdirSync(`/proc/${pid}/task`).length);
      return ticks && `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`;
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

export function isRunning(record: Pick<PidRecord, 'pid' | 'identity'>): boolean {
  return processIdentity(record.pid) === record.identity;
}

/** Starts a process in its own group, so that the terminal's Ctrl-C does not reach it, and records it. */
export async function launch(options: Launch): Promise<PidRecord> {
  refuseWhenEnding();
  mkdirSync(options.pids, { recursive: true });
  mkdirSync(dirname(options.log), { recursive: true });
  const log = openSync(options.log, 'a');
  const logStart = fstatSync(log).size;
  try {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env as NodeJS.ProcessEnv,
      detached: true,
      stdio: ['ignore', log, log],
    });
    const started = new Promise<void>((done, failed) => {
      child.once('spawn', done);
      child.once('error', (error) => failed(new Error(`${options.name} could not be started: ${error.message}`)));
    });
    child.unref();
    const record: PidRecord = {
      name: options.name,
      pid: child.pid ?? 0,
      identity: processIdentity(child.pid ?? 0) ?? 'gone',
      command: [options.command, ...options.args].join(' '),
      log: options.log,
      logStart,
    };
    // Recorded before any wait: a stop of the stack at this moment must find the process.
    if (child.pid) writeRecord(options.pids, record);
    await started;
    return record;
  } finally {
    closeSync(log);
  }
}

function writeRecord(folder: string, record: PidRecord): void {
  const file = join(folder, `${record.name}.json`);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** Every record of a stack, whether its process still runs or not. */
export function readRecords(folder: string): PidRecord[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => readRecord(folder, file.slice(0, -'.json'.length)) ?? []);
}

export function readRecord(folder: string, name: string): PidRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as PidRecord;
  } catch {
    return undefined;
  }
}

export function forgetRecord(folder: string, record: PidRecord): void {
  const current = readRecord(folder, record.name);
  if (current?.pid === record.pid && current.identity === record.identity) rmSync(join(folder, `${record.name}.json`));
}

/** Signals a recorded process and its children. Another process with that pid is left alone. */
export function signalGroup(record: PidRecord, signal: NodeJS.Signals): boolean {
  if (!isRunning(record)) return false;
  try {
    process.kill(-record.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends a process: sends `signal`, waits up to `graceMs`, then kills.
 * @returns whether it ended by itself (or had ended already)
 */
export async function endProcess(record: PidRecord, signal: NodeJS.Signals, graceMs: number): Promise<boolean> {
  if (!signalGroup(record, signal)) return true;
  const byItself = await goneWithin(record, graceMs);
  if (!byItself) {
    signalGroup(record, 'SIGKILL');
    await goneWithin(record, 10_000);
  }
  await endRest(record.pid);
  return byItself;
}

/**
 * Ends the remaining processes in the group of a process that just ended. While one of them runs, the group's number is
 * not reused.
 */
async function endRest(group: number): Promise<void> {
  for (const end = Date.now() + 1000; Date.now() < end; await sleep(10)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      return;
    }
  }
}

export async function goneWithin(record: PidRecord, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (isRunning(record)) {
    if (Date.now() >= end) return false;
    await sleep(20);
  }
  return true;
}

/**
 * The last lines that a process wrote, each cut to a readable length. Its log may begin with lines of earlier processes
 * of that name; they are left out.
 */
export function tail({ log, logStart }: Pick<PidRecord, 'log' | 'logStart'>, lines = 30, columns = 400): string {
  try {
    const last = readFileSync(log).subarray(logStart).toString().trimEnd().split('\n').slice(-lines);
    return last.map((line) => (line.length > columns ? `${line.slice(0, columns)}…` : line)).join('\n');
  } catch {
    return '';
  }
}
