import { textFault } from '@shop/chassis';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { MomentError, readMoment } from './time.ts';

/** Exit codes that scripts can rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2, found: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Results go to stdout, as text or as JSON; messages for people go to stderr. */
export interface Output {
  readonly json: boolean;
  /** `value` is printed with --json, `text` without. */
  result(value: unknown, text: string): void;
  say(words: string): void;
}

function createOutput(json: boolean): Output {
  return {
    json,
    result: (value, text) => process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text.trimEnd()}\n`),
    say: (words) => process.stderr.write(`${words}\n`),
  };
}

/** Adds a command with `--json` and an example in its help. */
export function addCommand(parent: Command, usage: string, description: string, example: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--json', 'results as JSON')
    .addHelpText('after', `\nExample:\n  npm run ops -- ${example}\n`);
}

/**
 * Wraps a command's work: its exit code becomes the process's; an error is printed as one sentence and exits with 1.
 */
export function action<Options extends { json?: boolean }>(
  work: (output: Output, options: Options, ...args: string[]) => Promise<ExitCode>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.opts() as Options;
    const output = createOutput(options.json ?? false);
    try {
      process.exitCode = await work(output, options, ...command.args);
    } catch (error) {
      output.say(`failed: ${error instanceof Error ? error.message : String(error)}`);
      if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) output.say(error.stack ?? '');
      process.exitCode = EXIT.failed;
    }
  };
}

/** Runs the command line. It ends by itself: commands close the connections they opened. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  refuseToExit(program);
  // The reader of the output may have closed it (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed),
  );
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

function refuseToExit(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help shows how)');
  for (const child of command.commands) refuseToExit(child);
}

/** Reads a whole number within limits, for options: decimal digits only, so that no unit or other form is guessed. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Reads a reason that is kept and shown again: one line of 3 to 500 characters. */
export function reason(text: string): string {
  const words = text.trim();
  if (words.length < 3 || words.length > 500) throw new InvalidArgumentError('It must be 3 to 500 characters.');
  const fault = textFault(words);
  if (fault !== undefined) throw new InvalidArgumentError(`${fault}.`);
  return words;
}

/** Reads a moment of the past, for options: see `readMoment`. */
export function moment(text: string, now = new Date()): Date {
  try {
    return readMoment(text, now);
  } catch (error) {
    if (error instanceof MomentError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** Columns padded to their widest cell. */
export function table(rows: readonly (readonly (string | number)[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, i) =>
            typeof cell === 'number' ? String(cell).padStart(widths[i] ?? 0) : String(cell).padEnd(widths[i] ?? 0),
          )
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
}

/** `90500` → `1.5 min`, for people. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${(ms / 60_000).toFixed(1)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
