/**
 * The generator of floods: a process of its own that sends on a fixed schedule whatever the answers do (an open loop),
 * with a connection for each client that waits. Plans come one after the other.
 */
import { runFlood } from './flood.ts';
import type { FloodMessage, FloodPlan } from './plan.ts';

if (process.send) {
  // The parent is gone: nobody wants the result.
  process.once('disconnect', () => process.exit(0));
  const tell = (message: FloodMessage) => process.send?.(message);
  process.on('message', (plan: FloodPlan) => {
    runFlood(plan, (step) => tell({ kind: 'edge', step })).then(
      (steps) => tell({ kind: 'result', steps }),
      (error: unknown) => tell({ kind: 'failed', message: error instanceof Error ? String(error.stack) : 'unknown' }),
    );
  });
}
