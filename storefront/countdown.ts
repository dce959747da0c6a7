const UNITS = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
  ['seconds', 1],
] as const;

/** The time left until `at`, in whole seconds, rounded up, so that it shows 1 until the end. Times in ms. */
export function remaining(at: number, now: number): Record<(typeof UNITS)[number][0], number> & { over: boolean } {
  let left = Math.max(0, Math.ceil((at - now) / 1000));
  const over = left === 0;
  const parts = UNITS.map(([name, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return [name, count] as const;
  });
  return { ...(Object.fromEntries(parts) as Record<(typeof UNITS)[number][0], number>), over };
}

/** `1d 02:03:04` */
export function clock(at: number, now: number, dayMark: string): string {
  const { days, hours, minutes, seconds } = remaining(at, now);
  const time = [hours, minutes, seconds].map((part) => String(part).padStart(2, '0')).join(':');
  return days > 0 ? `${days}${dayMark} ${time}` : time;
}

export interface Countdown {
  /** Starts a wait of `ms`. @returns ends the wait, however it ends */
  begin(ms: number): () => void;
}

/**
 * Calls `show` every second with the whole seconds left of the shortest wait; null when there is no wait any more. Ends
 * are kept on a clock that is never set back.
 */
export function createCountdown(show: (seconds: number | null) => void, now = () => performance.now()): Countdown {
  const ends = new Map<symbol, number>();
  let ticks: ReturnType<typeof setInterval> | undefined;
  const tick = () => show(Math.max(1, Math.ceil((Math.min(...ends.values()) - now()) / 1000)));
  return {
    begin(ms) {
      const wait = Symbol('wait');
      ends.set(wait, now() + ms);
      ticks ??= setInterval(tick, 1_000);
      tick();
      return () => {
        if (!ends.delete(wait) || ends.size > 0) return;
        clearInterval(ticks);
        ticks = undefined;
        show(null);
      };
    },
  };
}
