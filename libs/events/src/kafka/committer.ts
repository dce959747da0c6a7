import { type Clock, WOKEN } from '../clock.ts';

/**
 * Commits resolved offsets, one commit at a time; requests that arrive meanwhile share the next commit, and under load
 * there is one every `COMMIT_EVERY_MS`. A commit only spares the next owner of a partition the earlier messages, which
 * the inbox would drop anyway.
 */
export interface Committer {
  /** Requests a commit without waiting: after a crash before the commit, the inbox drops the repeated messages. */
  request(): void;
  /** Commits now. Resolves once nothing is left to commit, or the last attempt failed. */
  flush(): Promise<void>;
  stop(): void;
}

const RETRY_MS = 300;
/** Shortest time between two commits. */
export const COMMIT_EVERY_MS = 250;

/**
 * @param failing called at each attempt in vain with its error, and since when none has succeeded, ms
 */
// One function: its short steps change the same variables, which nothing else may see.
export function createCommitter(
  commit: () => Promise<void>,
  clock: Clock,
  failing: (error: unknown, forMs: number) => void = () => {},
): Committer {
  const stopped = new AbortController();
  let wanted = false;
  let running: Promise<void> | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let flushing = 0;
  let nap: AbortController | undefined;
  let failingSince: number | undefined;

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
        failingSince = undefined;
      } catch (error) {
        // The coordinator moved, or the group rebalances. Uncommitted offsets are kept and tried again.
        failingSince ??= clock.now();
        failing(error, clock.now() - failingSince);
        await clock.sleep(RETRY_MS, stopped.signal);
        wanted = true;
      }
    }
    // Set in the same turn as the last look at `wanted`: a later request starts a new run, so none is lost.
    running = undefined;
  }

  async function keepApart(): Promise<void> {
    // At most the pause itself: the database's clock may have been set back.
    const early = Math.min(COMMIT_EVERY_MS, lastAt + COMMIT_EVERY_MS - clock.now());
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
