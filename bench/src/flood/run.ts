import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CpuUse, countCpu, type Watched } from '../processes.ts';
import { type FloodMessage, type FloodPlan, GENERATOR, type MeasuredStep } from './plan.ts';

export interface FloodGenerator {
  /**
   * Runs a plan to its end, and counts the CPU of every process in each step.
   * @param processes asked at each step's start
   * @param onEdge told when a step begins, and when the last one has ended
   */
  run(
    plan: FloodPlan,
    processes: () => readonly Watched[],
    onEdge?: (step: number) => void,
  ): Promise<readonly MeasuredStep[]>;
  close(): void;
}

/** Starts the generator's process, which takes plans one after the other. */
export function openGenerator(): FloodGenerator {
  const child = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)), { stdio: 'inherit' });
  const generator: Watched = { name: GENERATOR, pid: child.pid ?? 0 };
  let gone: Error | undefined;
  child.once('exit', (code) => {
    gone = new Error(`the generator ended with ${code} before it had a result`);
  });
  return {
    run: (plan, processes, onEdge = () => undefined) =>
      new Promise((done, failed) => {
        if (gone) throw gone;
        const cpu: CpuUse[] = [];
        let endCount: (() => CpuUse) | undefined;
        const onExit = () => failed(gone ?? new Error('the generator ended'));
        const settle = (act: () => void): void => {
          child.off('message', onMessage).off('exit', onExit);
          act();
        };
        const onMessage = (message: FloodMessage): void => {
          if (message.kind === 'edge') {
            if (endCount) cpu.push(endCount());
            endCount = countCpu([...processes(), generator]);
            onEdge(message.step);
          } else if (message.kind === 'failed') settle(() => failed(new Error(message.message)));
          else
            settle(() =>
              done(message.steps.map((step, index) => ({ ...step, cpu: cpu[index] ?? (endCount as () => CpuUse)() }))),
            );
        };
        child.on('message', onMessage).once('exit', onExit);
        child.send(plan);
      }),
    close: () => void (child.connected && child.disconnect()),
  };
}
