import { runProgram } from '../../ops/src/command.ts';
import { createProgram } from '../../ops/src/program.ts';

/**
 * The operator's command line as a process that stays: it runs the commands that its parent sends, one after the other,
 * each as `ops/main.ts` would. A start costs a second of processor time, and the tests run some 150 commands.
 */

/** A command's arguments come by the channel; this goes back when it has ended and holds nothing open. */
export interface WarmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longest time from the end of a command's work until all that it opened is closed, ms. */
const CLOSED_WITHIN_MS = 10_000;
/** Kinds of resources that this process itself keeps open: the channel to the parent and the output. */
const OURS: ReadonlySet<string> = new Set(['PipeWrap', 'TTYWrap', 'FSReqCallback', 'FSReqPromise']);

process.stdout.setMaxListeners(0);
// The test that started it may have been killed. The channel keeps it alive until then.
process.once('disconnect', () => process.exit(1));

let before: Promise<unknown> = Promise.resolve();
process.on('message', (args: string[]) => {
  before = before.then(async () => process.send?.(await run(args)));
});

async function run(args: readonly string[]): Promise<WarmResult> {
  const written = { stdout: '', stderr: '' };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (text: string | Uint8Array) => {
      written[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    };
  process.exitCode = undefined;
  try {
    await runProgram(createProgram(), [process.execPath, 'ops', ...args]);
    await untilClosed();
  } catch (error) {
    process.exitCode = 1;
    written.stderr += error instanceof Error ? error.stack : String(error);
  } finally {
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  }
  return { code: Number(process.exitCode ?? 0), ...written };
}

/** A command of its own process ends when nothing is open any more. @throws when something stays open */
async function untilClosed(): Promise<void> {
  const open = () => process.getActiveResourcesInfo().filter((name) => !OURS.has(name));
  const until = Date.now() + CLOSED_WITHIN_MS;
  while (open().length > 0) {
    if (Date.now() > until) throw new Error(`the command left open: ${open().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 2).unref());
  }
}
