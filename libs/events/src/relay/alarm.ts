import { type Clock, WOKEN } from '../clock.ts';

/** A sleep that can be ended by a call. */
export interface Alarm {
  wake(): void;
  /** Sleeps until woken, but no longer than `ms`. A wake-up since the last sleep counts, so none is lost. */
  sleep(ms: number): Promise<void>;
}

/** Once `stopping` aborts, no sleep begins, and a current sleep ends. */
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
