import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { GeneratorMessage, LoadPlan, LoadResult } from './generator.ts';
import { type CpuUse, countCpu, type Watched } from './processes.ts';

/** Runs the generator to its end, and counts the CPU of every process over its window. */
export function drive(plan: LoadPlan, processes: readonly Watched[]): Promise<{ load: LoadResult; cpu: CpuUse }> {
  const child = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)), { stdio: 'inherit' });
  return new Promise((done, failed) => {
    let endCount: (() => CpuUse) | undefined;
    let cpu: CpuUse | undefined;
    let load: LoadResult | undefined;
    child.on('message', (message: GeneratorMessage) => {
      if (message.kind === 'result') load = message.result;
      else if (message.edge === 'start')
        endCount = countCpu([...processes, { name: 'generator', pid: child.pid ?? 0 }]);
      else cpu = endCount?.();
    });
    child.once('error', failed);
    child.once('exit', (code) => {
      if (load && cpu) done({ load, cpu });
      else failed(new Error(`the generator ended with ${code} before it had a result`));
    });
    child.send(plan);
  });
}
