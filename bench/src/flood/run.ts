import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CpuUse, countCpu, type Watched } from '../processes.ts';
import type { OpeningPlan, OpeningResult } from './plan.ts';
import { type FloodMessage, type FloodPlan, GENERATOR, type GeneratorTask, type MeasuredStep } from './plan.ts';

export interface FloodGenerator {
  /**
   * Runs a plan to its end, and counts the CPU of every process in each step.
   * @param processes called at each step's start
   * @param onEdge called when a step begins, and when the last one has ended
   */
  run(
    plan: FloodPlan,
    processes: () => readonly Watched[],
    onEdge?: (step: number) => void,
  ): Promise<readonly MeasuredStep[]>;
  open(plan: OpeningPlan, processes: () => readonly Watched[]): Promise<OpeningResult & { readonly cpu: CpuUse }>;
  close(): void;
}

/** Starts the generator's process, which runs plans one after the other. */
export function openGenerator(): FloodGenerator {
  const child = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)), { stdio: 'inherit' });
  const generator: Watched = { name: GENERATOR, pid: child.pid ?? 0 };
  let gone: Error | undefined;
  child.once('exit', (code) => {
    gone = new Error(`the generator ended with ${code} before it had a result`);
  });

  /** @param read gets the messages until it returns a result */
  function ask<R>(task: GeneratorTask, read: (message: FloodMessage) => R | undefined): Promise<R> {
    return new Promise((done, failed) => {
      if (gone) throw gone;
      const onExit = () => failed(gone ?? new Error('the generator ended'));
      const onMessage = (message: FloodMessage): void => {
        const result = message.kind === 'failed' ? new Error(message.message) : read(message);
        if (result === undefined) return;
        child.off('message', onMessage).off('exit', onExit);
        if (result instanceof Error) failed(result);
        else done(result);
      };
      child.on('message', onMessage).once('exit', onExit);
      child.send(task);
    });
  }

  return {
    run(plan, processes, onEdge = () => undefined) {
      const cpu: CpuUse[] = [];
      let endCount: (() => CpuUse) | undefined;
      return ask<readonly MeasuredStep[]>({ kind: 'flood', plan }, (message) => {
        if (message.kind === 'edge') {
          if (endCount) cpu.push(endCount());
          endCount = countCpu([...processes(), generator]);
          onEdge(message.step);
          return undefined;
        }
        if (message.kind !== 'result') return undefined;
        return message.steps.map((step, index) => {
          const used = cpu[index];
          if (!used) throw new Error(`the generator did not tell when step ${index} ended`);
          return { ...step, cpu: used };
        });
      });
    },
    open(plan, processes) {
      const endCount = countCpu([...processes(), generator]);
      return ask({ kind: 'opening', plan }, (message) =>
        message.kind === 'opened' ? { ...message.opening, cpu: endCount() } : undefined,
      );
    },
    close: () => void (child.connected && child.disconnect()),
  };
}
