/** A process that uses less than this share of a core is at rest. */
const REST_SHARE = 0.05;
/** Looks in a row that must find rest: neither an order now and then nor a pausing rush is rest. */
const RESTFUL_LOOKS = 2;
/** A collection that frees less is not worth its pause, bytes. */
const WORTH_BYTES = 24 * 1024 * 1024;

export interface HeapRestOptions {
  /** Collects all garbage and returns the pages to the system. Blocks the process for a tenth of a second. */
  readonly collect: () => void;
  /** Memory held by the process, bytes. */
  readonly held: () => number;
  /** Processor time used by the process, ms. */
  readonly cpuMs: () => number;
  /** Any clock that runs forward, ms. */
  readonly now: () => number;
}

/**
 * V8 grows its heap for a rush and keeps it afterwards: only collections return memory, and an idle process allocates
 * too little to cause one. So once a process is at rest and holds more than after the last collection, everything is
 * collected once.
 * @returns a function to be called at intervals; true when it collected
 */
export function createHeapRest({ collect, held, cpuMs, now }: HeapRestOptions): () => boolean {
  let last = { at: now(), cpu: cpuMs() };
  let calm = 0;
  let heldAfter = 0;
  return () => {
    const next = { at: now(), cpu: cpuMs() };
    const share = (next.cpu - last.cpu) / Math.max(1, next.at - last.at);
    last = next;
    calm = share < REST_SHARE ? calm + 1 : 0;
    if (calm < RESTFUL_LOOKS || held() < heldAfter + WORTH_BYTES) return false;
    collect();
    heldAfter = held();
    // The collection's own processor time must not count as load.
    last = { at: now(), cpu: cpuMs() };
    return true;
  };
}

/** For this process, if it was started with `--expose-gc`, the only way to request a collection from V8. */
export function processHeapRest(): (() => boolean) | undefined {
  const { gc } = globalThis;
  if (!gc) return undefined;
  return createHeapRest({
    // Any other flavor leaves the pages with V8.
    collect: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    held: () => process.memoryUsage.rss(),
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    now: () => performance.now(),
  });
}
