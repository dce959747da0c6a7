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

/** Runs the operator's command line on a stack, as `npm run ops -- …` does. */
function runOps(stack: Stack, args: readonly string[]): Promise<OpsResult> {
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
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/** Runs the command line and fails, showing its output, unless it ends with this exit code. */
export async function expectOps(stack: Stack, args: readonly string[], code = 0): Promise<OpsResult> {
  const result = await runOps(stack, args);
  if (result.code === code) return result;
  throw new Error(`ops ${args.join(' ')} ended with ${result.code}, not ${code}:\n${result.stderr}\n${result.stdout}`);
}
