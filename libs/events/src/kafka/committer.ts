import type { Clock } from '../runtime.ts';

/** Commits resolved offsets: one commit at a time, what came meanwhile goes with the next. */
export interface Committer {
  /** Something was resolved. Does not wait: the inbox drops what a crash before the commit brings again. */
  request(): void;
  /** Resolves once nothing is left to commit, or the last attempt failed. */
  flush(): Promise<void>;
  stop(): void;
}

const RETRY_MS = 300;

export function createCommitter(commit: () => Promise<void>, clock: Clock): Committer {
  const stopped = new AbortController();
  let wanted = false;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // Partitions of one transaction are resolved in the same turn: one commit for all of them.
    await Promise.resolve();
    while (wanted && !stopped.signal.aborted) {
      wanted = false;
      try {
        await commit();
      } catch {
        // Coordinator moved, or the group rebalances. Uncommitted offsets stay known and are tried again.
        await clock.sleep(RETRY_MS, stopped.signal);
        wanted = true;
      }
    }
    // In the turn of the last look at `wanted`: a request after it starts anew, none falls between.
    running = undefined;
  }

  function request(): void {
    wanted = true;
    running ??= run();
  }

  return {
    request,
    async flush() {
      await running;
    },
    stop: () => stopped.abort(),
  };
}
