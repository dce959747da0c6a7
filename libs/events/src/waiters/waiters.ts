import type { Broker, BrokerConsumer, IncomingRecord } from '../broker.ts';
import { type Clock, systemClock, WOKEN } from '../clock.ts';
import type { EventType } from '../contracts/index.ts';

export interface WaitOptions {
  /** Only these types wake; absent: any event of the key. */
  readonly types?: readonly EventType[];
  /** Longest wait, ms. */
  readonly timeoutMs: number;
  /** Ends the wait early, e.g. when the client has gone. */
  readonly signal?: AbortSignal;
}

/**
 * Wakes callers that wait for events of a key. A wake-up is a hint, never a source of truth: the state is in the
 * database.
 */
export interface Waiters {
  /** Resolves once the group has joined and stands at the end of every topic: no later event is missed. */
  ready(): Promise<void>;
  /**
   * Resolves true at the next event of `key`, false after the time-out or an abort. Call it BEFORE reading the state to
   * be waited for: an event between the reading and the call would be missed. Read the state again afterwards, whatever
   * the result: an event may be seen before the row it will change.
   */
  waitFor(key: string, options: WaitOptions): Promise<boolean>;
  /**
   * Calls `wake` at every event of `key` from now on. It costs no timer and no promise, so thousands can listen for
   * long.
   * @returns stops the listening
   */
  listen(key: string, wake: () => void): () => void;
  stop(): Promise<void>;
}

export interface WaitersOptions {
  readonly broker: Pick<Broker, 'consume'>;
  /** Differs for each process, since every instance must see every event. */
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly clock?: Clock;
}

interface Waiter {
  readonly types: ReadonlySet<string> | undefined;
  readonly wake: () => void;
}

/** Pause between fetches while nobody waits, ms: each fetch has a cost. The first waiter ends the pause. */
const REST_MS = 250;

/** Reads the topics from their end, by key and header alone: nothing is decoded, nothing is committed. */
export function startWaiters(options: WaitersOptions): Waiters {
  const { broker, groupId, topics, clock = systemClock } = options;
  const waiting = new Map<string, Set<Waiter>>();
  let stopped = false;
  let rest = new AbortController();

  function wakeFor(record: IncomingRecord): void {
    const { key } = record;
    const waiters = key === null ? undefined : waiting.get(key);
    if (!waiters) return;
    const { headers } = record;
    for (const waiter of [...waiters]) {
      if (!waiter.types || waiter.types.has(headers.ce_type ?? '')) waiter.wake();
    }
  }

  const consumer: Promise<BrokerConsumer> = broker.consume({
    groupId,
    topics,
    fromBeginning: false,
    async onBatch(batch) {
      if (waiting.size > 0) for (const record of batch.records) wakeFor(record);
      else if (!stopped) await clock.sleep(REST_MS, rest.signal);
    },
  });

  consumer.catch(() => {}); // Reported by ready().

  function enter(key: string, waiter: Waiter): () => void {
    const waiters = waiting.get(key) ?? new Set();
    waiting.set(key, waiters.add(waiter));
    rest.abort(WOKEN);
    rest = new AbortController();
    return () => {
      waiters.delete(waiter);
      if (waiters.size === 0 && waiting.get(key) === waiters) waiting.delete(key);
    };
  }

  return {
    ready: async () => (await consumer).ready(),
    listen: (key, wake) => enter(key, { types: undefined, wake }),

    waitFor: (key, options) => waitFor((waiter) => enter(key, waiter), clock, options),

    async stop() {
      stopped = true;
      rest.abort(WOKEN);
      await (await consumer).stop();
    },
  };
}

/** Waits for a record, the time-out or the signal. @returns whether a record came */
async function waitFor(
  enter: (waiter: Waiter) => () => void,
  clock: Clock,
  { types, timeoutMs, signal }: WaitOptions,
): Promise<boolean> {
  const ended = new AbortController();
  let woken = false;
  const waiter: Waiter = {
    types: types && new Set<string>(types),
    wake() {
      woken = true;
      ended.abort(WOKEN);
    },
  };
  const leave = enter(waiter);
  const giveUp = () => ended.abort(WOKEN);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    if (!signal?.aborted) await clock.sleep(timeoutMs, ended.signal);
    return woken;
  } finally {
    signal?.removeEventListener('abort', giveUp);
    leave();
  }
}
