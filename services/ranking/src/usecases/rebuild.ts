import type { Rebuild } from '@shop/events';
import { beginRebuild } from './rebuild-begin.ts';
import { GROUP, type RebuildContext } from './rebuild-context.ts';
import { settleRebuild } from './rebuild-settle.ts';

interface Dependencies extends RebuildContext {
  /** Called when there may be something to `settle`. */
  readonly letGo: () => void;
}

interface RankingRebuild extends Rebuild {
  /** Finishes ended rebuilds, in parts, until `signal` aborts. */
  settle(signal?: AbortSignal): Promise<void>;
}

/**
 * Counts all sales anew into a separate generation and puts it in the live one's place (docs/adr/0017). Each step is
 * one transaction that locks ranking_state, and checks there whether it has been done:
 *
 * 1. begin: the next generation is named. It waits for current batches; every later one writes to both generations.
 * 2. copy: days that the topics no longer hold completely, one a transaction.
 * 3. read: the topics from their beginning up to their end after 1 (by the replayer, in `subscription`).
 * 4. swap: one row. The rebuilt generation has counted everything the live one has: read, copied, or written to both.
 * 5. settle: its inbox is merged into the live group's; until then, batches check both. Then the rest is removed.
 */
export function createRebuild({ letGo, ...context }: Dependencies): RankingRebuild {
  return {
    group: GROUP,
    begin: (id, tools) => beginRebuild(context, id, tools),
    letGo,
    settle: (signal) => settleRebuild(context, { signal, mayGoOn: async () => {} }),
  };
}
