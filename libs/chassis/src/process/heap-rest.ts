/** Less than this share of a core is rest. */
const REST_SHARE = 0.05;
/** Looks in a row that must find rest: an order now and then is no rest, a rush that pauses is none either. */
const RESTFUL_LOOKS = 2;
/** A collection that gives back less is not worth its pause, bytes. */
const WORTH_BYTES = 24 * 1024 * 1024;

export interface HeapRestOptions {
  /** Collects all that can be, and gives the pages back. Holds up the process for a tenth of a second. */
  readonly collect: () => void;
  /** Memory that the process holds, bytes. */
  readonly held: () => number;
  /** Processor time that the process has taken, ms. */
  readonly cpuMs: () => number;
  /** Any clock that runs forward, ms. */
  readonly now: () => number;
}

/**
 * V8 grows its heap for a rush and keeps it afterwards: collections are what gives memory back, and a process that does
 * next to nothing allocates too little to cause one. So when a process has come to rest, and holds more than after the
 * last time, everything is collected once.
 * @returns to be called now and then. True: it collected.
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
    // Its own work is none that a collection should follow.
    last = { at: now(), cpu: cpuMs() };
    return true;
  };
}

/** For this process, if it was started with `--expose-gc`; V8 has no other way to be asked. */
export function processHeapRest(): (() => boolean) | undefined {
  const { gc } = globalThis;
  if (!gc) return undefined;
  return createHeapRest({
    // Any other kind leaves the pages with V8.
    collect: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    held: () => process.memoryUsage.rss(),
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    now: () => performance.now(),
  });
}
