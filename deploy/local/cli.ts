import { infra } from './commands/infra.ts';
import { StackError } from './fetch.ts';

const commands: Record<string, (args: string[]) => Promise<number>> = { infra };

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
  if (process.connected) process.disconnect();
}
