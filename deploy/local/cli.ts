import { generate } from './commands/generate.ts';
import { infra } from './commands/infra.ts';
import { lint } from './commands/lint.ts';
import { start } from './commands/start.ts';
import { reset, stop } from './commands/stop.ts';
import { test } from './commands/test.ts';
import { tool } from './commands/tool.ts';
import { StackError } from './fetch.ts';

const commands: Record<string, (args: string[]) => Promise<number>> = {
  start,
  infra,
  stop,
  reset,
  test,
  lint,
  generate,
  ops: tool('ops/main.ts'),
  bench: tool('bench/main.ts'),
  simulate: tool('test/simulation/main.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  console.error(`There is no command ${name}; there are ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await command(args);
  } catch (error) {
    console.error(error instanceof StackError ? error.message : error);
    process.exitCode = 1;
  }
  // Only the launcher's going away on its own is a reason to end.
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}
