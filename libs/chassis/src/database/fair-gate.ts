/** Lets at most `size` callers in at once; the others come in in the order they asked. */
export interface FairGate {
  /**
   * Undefined when there is room at once. Otherwise resolves when it is this caller's turn; rejects with `refusal()`
   * after `timeoutMs`.
   */
  enter(timeoutMs: number): Promise<void> | undefined;
  leave(): void;
  readonly waiting: number;
}

/**
 * The driver's pool gives a connection to whoever asks in the tick in which it comes free: a few busy loops then have
 * all of them and others starve. This gate stands in front of it and hands a free place to the one who waited longest.
 */
export function createFairGate(size: number, refusal: () => Error): FairGate {
  const waiting = new Set<() => void>();
  let inside = 0;
  return {
    enter(timeoutMs) {
      if (inside < size) {
        inside++;
        return undefined;
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(admit);
          reject(refusal());
        }, timeoutMs);
        const admit = () => {
          clearTimeout(timer);
          resolve();
        };
        waiting.add(admit);
      });
    },
    leave() {
      for (const admit of waiting) {
        // The place goes from one to the other: `inside` stays.
        waiting.delete(admit);
        admit();
        return;
      }
      inside--;
    },
    get waiting() {
      return waiting.size;
    },
  };
}
