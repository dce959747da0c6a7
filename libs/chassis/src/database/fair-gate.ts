/** Admits at most `size` callers at once; the others are admitted in the order of their requests. */
export interface FairGate {
  /**
   * Undefined when there is room at once. Otherwise resolves at this caller's turn; rejects with `refusal()` after
   * `timeoutMs`.
   */
  enter(timeoutMs: number): Promise<void> | undefined;
  leave(): void;
  readonly waiting: number;
}

/**
 * The driver's pool gives a freed connection to any caller that asks in the same tick: a few busy loops then hold all
 * connections and others starve. This gate in front of the pool gives a free place to the longest waiting caller.
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
        // The place passes directly from one caller to the next, so `inside` stays the same.
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
