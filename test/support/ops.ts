import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';
import type { Stack } from '../../deploy/local/stack.ts';
import type { WarmResult } from './warm-ops.ts';

export interface OpsResult {
  readonly code: number;
  /** Results. */
  readonly stdout: string;
  /** Messages for people. */
  readonly stderr: string;
}

/** A command at work. */
export interface RunningOps {
  readonly ended: Promise<OpsResult>;
  kill9(): void;
}

/** The caller's environment with the stack's addresses, without the options that Jest was started with. */
function environmentFor(stack: Stack): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _jest, ...inherited } = process.env;
  return { ...inherited, ...stack.env };
}

/** Starts the operator's command line on a stack, as `npm run ops -- …` does, in a process that can be killed. */
export function startOps(stack: Stack, args: readonly string[]): RunningOps {
  const child = spawn(process.execPath, [join(root, 'ops/main.ts'), ...args], {
    cwd: root,
    env: environmentFor(stack),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<OpsResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
  return { ended, kill9: () => void child.kill('SIGKILL') };
}

/** Runs a command and fails, showing its output, unless it ends with this exit code. */
export async function expectOps(stack: Stack, args: readonly string[], code = 0): Promise<OpsResult> {
  const result = await runOps(stack, args);
  if (result.code === code) return result;
  throw new Error(`ops ${args.join(' ')} ended with ${result.code}, not ${code}:\n${result.stderr}\n${result.stdout}`);
}

interface WarmOps {
  readonly child: ChildProcess;
  /** Settles when all commands so far have ended. */
  free: Promise<unknown>;
}

/** By environment: a command line reads it once. */
const warm = new Map<string, WarmOps>();

/** Runs a command in a process that stays for the next one (`warm-ops.ts`). */
async function runOps(stack: Stack, args: readonly string[]): Promise<OpsResult> {
  const env = environmentFor(stack);
  const key = JSON.stringify(Object.entries(env).sort());
  let ops = warm.get(key);
  if (!ops?.child.connected) {
    const child = fork(join(import.meta.dirname, 'warm-ops.ts'), { cwd: root, env, stdio: 'inherit' });
    child.unref();
    child.channel?.unref();
    ops = { child, free: Promise.resolve() };
    warm.set(key, ops);
  }
  const { child, free } = ops;
  const result = free.then(() => answerOf(child, args));
  ops.free = result.catch(() => undefined);
  return result;
}

async function answerOf(child: ChildProcess, args: readonly string[]): Promise<WarmResult> {
  child.channel?.ref();
  const over = new AbortController();
  try {
    const answer = once(child, 'message', over);
    const ended = once(child, 'exit', over).then(([code]) => {
      throw new Error(`ops ${args.join(' ')}: its process ended with ${code}`);
    });
    child.send(args);
    const [result] = await Promise.race([answer, ended]);
    return result as WarmResult;
  } finally {
    over.abort();
    child.channel?.unref();
  }
}
