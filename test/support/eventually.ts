import { setTimeout as sleep } from 'node:timers/promises';

interface EventuallyOptions {
  /** Time limit, ms. Default 15,000. */
  readonly withinMs?: number;
  /** Pause between two attempts, ms. Default 50. */
  readonly everyMs?: number;
}

/**
 * For a probe that reads information_schema.innodb_trx: InnoDB caches it for 100 ms after each look, so a more frequent
 * reader sees the first one for ever.
 */
export const LOOK_AT_LOCKS = { everyMs: 150 } as const;

/**
 * Calls `probe` until it returns something other than undefined or false, and returns that. A probe that throws is
 * called again; its last error is reported after the time limit.
 *
 * @param what the awaited thing, completing "waited for …"
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 15_000, everyMs = 50 }: EventuallyOptions = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (let asked = 1; ; asked++) {
    let last: string;
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      last = `the last answer was ${String(answer)}`;
    } catch (error) {
      last = `the last question failed: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() >= deadline) throw new Error(`waited ${withinMs} ms for ${what}, asked ${asked} times; ${last}`);
    await sleep(everyMs);
  }
}

/** Like `eventually` for an assertion: passes as soon as `assertion` does not throw. */
export async function eventuallyPasses(
  what: string,
  assertion: () => Promise<void> | void,
  options?: EventuallyOptions,
): Promise<void> {
  await eventually(
    what,
    async () => {
      await assertion();
      return true;
    },
    options,
  );
}
