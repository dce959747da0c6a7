/**
 * The generator of floods: a process of its own that sends on a fixed schedule whatever the answers do (an open loop),
 * with a connection for each client that waits. Plans come one after the other.
 */
import { runFlood } from './flood.ts';
import { runOpening } from './opening.ts';
import type { FloodMessage, GeneratorTask } from './plan.ts';

if (process.send) {
  // The parent is gone: nobody wants the result.
  process.once('disconnect', () => process.exit(0));
  const tell = (message: FloodMessage) => process.send?.(message);
  const work = async (task: GeneratorTask): Promise<FloodMessage> =>
    task.kind === 'flood'
      ? { kind: 'result', steps: await runFlood(task.plan, (step) => tell({ kind: 'edge', step })) }
      : { kind: 'opened', opening: await runOpening(task.plan) };
  process.on('message', (task: GeneratorTask) => {
    work(task).then(tell, (error: unknown) =>
      tell({ kind: 'failed', message: error instanceof Error ? String(error.stack) : 'unknown' }),
    );
  });
}
