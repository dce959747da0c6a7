import { type ChildProcess, spawn } from 'node:child_process';
import { constants as access, accessSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { refuseWhenEnding } from './processes.ts';
import { StackError } from './stack-error.ts';

const running = new Set<ChildProcess>();

interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
  /** Number of last output lines that a failure shows; default 12. */
  keepLines?: number;
  /** Whether it takes only the processor time that nobody else wants. */
  isPatient?: boolean;
}

/** Runs a command to its end and returns its standard output; fails with its last lines of output. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  return new Promise((done, failed) => {
    refuseWhenEnding();
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: (options.env ?? process.env) as NodeJS.ProcessEnv,
      stdio: 'pipe',
    });
    running.add(child);
    if (options.isPatient && child.pid) setPriority(child.pid, constants.priority.PRIORITY_LOW);
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

/** Ends all commands that `run` still waits for. */
export function abandonRuns(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** The full path of an installed program. */
export function installed(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, access.X_OK);
    return true;
  } catch {
    return false;
  }
}
