import type { Rebuild } from '@shop/events';
import { beginRebuild } from './rebuild-begin.ts';
import { GROUP, type RebuildContext } from './rebuild-context.ts';
import { settleRebuild } from './rebuild-settle.ts';

interface Dependencies extends RebuildContext {
  /** Called when something may be left to `settle`. */
  readonly letGo: () => void;
}

interface RankingRebuild extends Rebuild {
  /** Ends what is over, in pieces, until `signal` aborts. */
  settle(signal?: AbortSignal): Promise<void>;
}

/**
 * Counts all sales anew into a generation of its own and puts that in the live one's place (docs/adr/0017). Each step
 * is one transaction that holds ranking_state, and finds out there whether it has been done:
 *
 * 1. begin: the next generation is named. It waits for the batches at work; every later one writes to both generations.
 * 2. copy: days that the topics no longer hold whole, one a transaction.
 * 3. read: the topics from their beginning up to where they ended after 1 (the replayer does it, in `subscription`).
 * 4. swap: one row. The rebuilt generation has counted whatever the live one has: read, copied, or written to both.
 * 5. settle: its inbox is merged into the live group's; until that is done, batches ask both. Then the rest is removed.
 */
export function createRebuild({ letGo, ...context }: Dependencies): RankingRebuild {
  return {
    group: GROUP,
    begin: (id, tools) => beginRebuild(context, id, tools),
    letGo,
    settle: (signal) => settleRebuild(context, { signal, mayGoOn: async () => {} }),
  };
}
