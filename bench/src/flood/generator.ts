/**
 * The generator of floods: a separate process that sends on a fixed schedule regardless of the answers (an open loop),
 * with a connection for each waiting client. It takes plans one after the other.
 */
import { runFlood } from './flood.ts';
import { runOpening } from './opening.ts';
import type { FloodMessage, GeneratorTask } from './plan.ts';

if (process.send) {
  // The parent has ended, so the result is not needed.
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
