import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { GeneratorMessage, LoadPlan, LoadResult } from './plan.ts';
import { type CpuUse, countCpu, type Watched } from './processes.ts';

export interface Driven {
  readonly load: LoadResult;
  /** CPU of every process over the window, the generator included. */
  readonly cpu: CpuUse;
}

/**
 * Runs a generator to its end, and counts the CPU of every process over its window.
 * @param processes called at the window's start
 */
export function drive(plan: LoadPlan, processes: () => readonly Watched[]): Promise<Driven> {
  return startLoad(plan, processes, 'generator').driven;
}

/** Starts a generator beside others. @param name for its own CPU */
export function startLoad(
  plan: LoadPlan,
  processes: () => readonly Watched[],
  name: string,
): { generator: Watched; driven: Promise<Driven> } {
  const child = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)), { stdio: 'inherit' });
  const generator = { name, pid: child.pid ?? 0 };
  const driven = new Promise<Driven>((done, failed) => {
    let endCount: (() => CpuUse) | undefined;
    let cpu: CpuUse | undefined;
    let load: LoadResult | undefined;
    child.on('message', (message: GeneratorMessage) => {
      if (message.kind === 'result') load = message.result;
      else if (message.edge === 'start') endCount = countCpu([...processes(), generator]);
      else cpu = endCount?.();
    });
    child.once('error', failed);
    child.once('exit', (code) => {
      if (load && cpu) done({ load, cpu });
      else failed(new Error(`the generator ended with ${code} before it had a result`));
    });
    child.send(plan);
  });
  return { generator, driven };
}
