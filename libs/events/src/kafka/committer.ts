import { type Clock, WOKEN } from '../clock.ts';

/**
 * Commits resolved offsets: one commit at a time, what came meanwhile goes with the next, and under load one every
 * `COMMIT_EVERY_MS`. A commit only spares the next owner of a partition the messages before it, which the inbox would
 * drop.
 */
export interface Committer {
  /** Something was resolved. Does not wait: the inbox drops what a crash before the commit brings again. */
  request(): void;
  /** Commits now. Resolves once nothing is left to commit, or the last attempt failed. */
  flush(): Promise<void>;
  stop(): void;
}

const RETRY_MS = 300;
/** At least this long between two commits. */
export const COMMIT_EVERY_MS = 250;

export function createCommitter(commit: () => Promise<void>, clock: Clock): Committer {
  const stopped = new AbortController();
  let wanted = false;
  let running: Promise<void> | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let flushing = 0;
  let nap: AbortController | undefined;

  async function run(): Promise<void> {
    // Partitions of one transaction are resolved in the same turn: one commit for all of them.
    await Promise.resolve();
    while (wanted && !stopped.signal.aborted) {
      await keepApart();
      if (stopped.signal.aborted) break;
      wanted = false;
      try {
        await commit();
        lastAt = clock.now();
      } catch {
        // Coordinator moved, or the group rebalances. Uncommitted offsets stay known and are tried again.
        await clock.sleep(RETRY_MS, stopped.signal);
        wanted = true;
      }
    }
    // In the turn of the last look at `wanted`: a request after it starts anew, none falls between.
    running = undefined;
  }

  async function keepApart(): Promise<void> {
    const early = lastAt + COMMIT_EVERY_MS - clock.now();
    if (early <= 0 || flushing > 0) return;
    nap = new AbortController();
    await clock.sleep(early, nap.signal);
    nap = undefined;
  }

  function request(): void {
    wanted = true;
    running ??= run();
  }

  return {
    request,
    async flush() {
      flushing += 1;
      nap?.abort(WOKEN);
      await running;
      flushing -= 1;
    },
    stop() {
      stopped.abort(WOKEN);
      nap?.abort(WOKEN);
    },
  };
}
