import type { Clock } from '../clock.ts';

/** A clock whose sleeps end at once, in the order of their calls. It remembers how long each was. */
export interface VirtualClock extends Clock {
  readonly slept: number[];
}

export function createVirtualClock(start = 0): VirtualClock {
  let time = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => time,
    async sleep(ms, signal) {
      if (signal?.aborted) return;
      slept.push(ms);
      time += ms;
      // A turn of the event loop, so that a loop of sleeps cannot starve the test.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
