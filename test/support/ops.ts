import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';
import type { Stack } from '../../deploy/local/stack.ts';

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

/** Starts the operator's command line on a stack, as `npm run ops -- …` does. */
export function startOps(stack: Stack, args: readonly string[]): RunningOps {
  const { NODE_OPTIONS: _jest, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, 'ops/main.ts'), ...args], {
    cwd: root,
    env: { ...inherited, ...stack.env },
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

/** Runs the command line and fails, showing its output, unless it ends with this exit code. */
export async function expectOps(stack: Stack, args: readonly string[], code = 0): Promise<OpsResult> {
  const result = await startOps(stack, args).ended;
  if (result.code === code) return result;
  throw new Error(`ops ${args.join(' ')} ended with ${result.code}, not ${code}:\n${result.stderr}\n${result.stdout}`);
}
