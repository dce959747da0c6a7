import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chosenStack } from '../chosen-stack.ts';
import { localDir, stackDir, toolsDir } from '../paths.ts';
import { isRunning } from '../processes.ts';
import { progress } from '../progress.ts';
import { removeData, runningProcesses, StackError, stackOwner, stopLeftovers } from '../stack.ts';

/** Stops the stack that another terminal started, or the remains of an interrupted run. */
export async function stop(): Promise<number> {
  await stopStack(chosenStack().name);
  return 0;
}

/** Stops the stack and deletes its data; with `--all` the downloaded tools too. */
export async function reset(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { all: { type: 'boolean', default: false } } });
  const { name } = chosenStack();
  await stopStack(name);
  removeData(name);
  rmSync(stackDir(name), { recursive: true, force: true });
  progress(name, 'its data is deleted');
  if (values.all) {
    if (process.env.SHOP_TOOLS_DIR)
      throw new StackError(`The tools in ${toolsDir} are shared (SHOP_TOOLS_DIR): delete that folder yourself.`);
    for (const folder of ['tools', 'stamps', 'compile-cache'])
      rmSync(`${localDir}/${folder}`, { recursive: true, force: true });
    progress('tools', 'are deleted; the next start fetches them again');
  }
  return 0;
}

async function stopStack(name: string): Promise<void> {
  const owner = stackOwner(name);
  if (!owner && runningProcesses(name).length === 0) {
    progress(name, existsSync(stackDir(name)) ? 'does not run' : 'was never started');
    return;
  }
  if (owner) {
    process.kill(owner.pid, 'SIGTERM');
    for (const end = Date.now() + 60_000; isRunning(owner); await sleep(50)) {
      if (Date.now() > end)
        throw new StackError(
          `The stack ${name} (pid ${owner.pid}) does not stop; its logs are in ${stackDir(name)}/logs.`,
        );
    }
  }
  await stopLeftovers(name);
  progress(name, 'stopped');
}
