import { isOpen } from '@shop/events';
import type { RankingState } from './ports.ts';
import type { RebuildContext } from './rebuild-context.ts';

/** Conditions for stopping half-way; the next call continues. */
interface Limits {
  readonly signal?: AbortSignal | undefined;
  /** Called before each part; rejects when another instance is at it, or this one must stop. */
  readonly mayGoOn: () => Promise<void>;
}

/**
 * Step 5 of a rebuild: finishes ended rebuilds. Merges the inbox of a generation that has gone live, drops a cancelled
 * or failed one, and removes their rows. Any number of instances may do so, at any time, and again after a crash.
 */
export async function settleRebuild(context: RebuildContext, limits: Limits): Promise<void> {
  const { database, store } = context;
  const state = await database.transaction((tx) => store.share(tx));
  if (state.next && !(await settleNext(context, state.next.generation, state, limits))) return;
  for (const generation of await store.leftovers(database)) {
    while (!limits.signal?.aborted) {
      await limits.mayGoOn();
      if ((await database.transaction((tx) => store.removePiece(tx, generation))) === 0) break;
    }
  }
}

/** @returns false while the generation is being built, or when stopped */
async function settleNext(
  { database, store, now }: RebuildContext,
  generation: number,
  { live, replayId }: RankingState,
  { signal, mayGoOn }: Limits,
): Promise<boolean> {
  if (live === generation) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      if (signal?.aborted) return false;
      await mayGoOn();
      after = await store.merge(database, generation, after);
    }
  } else if (replayId !== undefined && (await isOpen(database, replayId))) return false;
  await database.transaction(async (tx) => {
    const state = await store.lock(tx);
    // Already live when this began, or never to be live: an ended rebuild does not continue.
    if (state.next?.generation === generation && state.live === live) await store.end(tx, now());
  });
  return true;
}
