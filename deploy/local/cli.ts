import { drills } from './commands/drills.ts';
import { generate } from './commands/generate.ts';
import { infra } from './commands/infra.ts';
import { lint } from './commands/lint.ts';
import { model } from './commands/model.ts';
import { packages } from './commands/packages.ts';
import { start } from './commands/start.ts';
import { reset, stop } from './commands/stop.ts';
import { test } from './commands/test.ts';
import { tool } from './commands/tool.ts';
import { StackError } from './stack-error.ts';

const commands: Record<string, (args: string[]) => Promise<number>> = {
  start,
  infra,
  stop,
  reset,
  test,
  drills,
  model,
  lint,
  generate,
  packages,
  ops: tool('ops/main.ts'),
  bench: tool('bench/main.ts'),
  k6: tool('k6/main.ts'),
  fuzz: tool('fuzz/main.ts'),
  simulate: tool('test/simulation/main.ts'),
  mistakes: tool('test/mistakes/main.ts'),
};

// The reader of the output may end before this process (Ctrl-C ends `npm start | tee log` as a whole, or a terminal is
// closed). Running processes must still be stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  console.error(`There is no command ${name}; there are ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await command(args);
  } catch (error) {
    const badUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    console.error(badUsage || error instanceof StackError ? error.message : error);
    process.exitCode = badUsage ? 2 : error instanceof StackError ? error.exitCode : 1;
  }
  // Only a launcher that ends by itself is a reason to end.
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}
