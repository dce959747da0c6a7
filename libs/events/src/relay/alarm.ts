import { type Clock, WOKEN } from '../clock.ts';

/** A sleep that a call ends. */
export interface Alarm {
  wake(): void;
  /** Sleeps until woken, but no longer than `ms`. A wake-up since the last sleep counts: none is lost. */
  sleep(ms: number): Promise<void>;
}

/** Once `stopping` aborts, no sleep begins and one that has begun ends. */
export function createAlarm(clock: Clock, stopping: AbortSignal): Alarm {
  let woken = false;
  let nap: AbortController | undefined;

  function wake(): void {
    woken = true;
    nap?.abort(WOKEN);
  }
  stopping.addEventListener('abort', wake);

  return {
    wake,
    async sleep(ms) {
      if (!woken && !stopping.aborted) {
        nap = new AbortController();
        await clock.sleep(ms, nap.signal);
        nap = undefined;
      }
      woken = false;
    },
  };
}
