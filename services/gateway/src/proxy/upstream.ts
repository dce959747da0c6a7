import { setTimeout as sleep } from 'node:timers/promises';
import type { Metrics } from '@shop/chassis';
import { Pool } from 'undici';
import { guardService, type ServiceBreaker } from './breaker.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';

/** Interval of asking a silent instance whether it is there again, ms, and its time to answer. */
const PROBE_EVERY_MS = 500;
const PROBE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;

export interface UpstreamOptions {
  /** The service's name, for logs and answers. */
  readonly name: string;
  /** Its breaker's name in the metrics; default: the service's name. */
  readonly measuredAs?: string;
  /** One for each instance. */
  readonly urls: readonly string[];
  /** Longest silence within an answer, ms. */
  readonly timeoutMs: number;
  /** Most requests at once; further ones are refused. */
  readonly maxInFlight: number;
  readonly metrics: Metrics;
}

/** One instance of a service. */
export interface Instance {
  readonly url: string;
  readonly pool: Pool;
  /** True when the instance gave no answer and has not responded since: it is tried last. */
  away: boolean;
}

/** A service behind the gateway: its instances, in turn. */
export interface Upstream {
  readonly name: string;
  readonly maxInFlight: number;
  /** Number of requests under way. */
  readonly inFlight: number;
  /** Number of them that wait for an outcome (`Prefer: wait`). */
  readonly waiting: number;
  /** True while another request may wait. Half of `maxInFlight` stays free of them, since they stay for so long. */
  readonly mayWait: boolean;
  /**
   * Counts a request as under way.
   * @param waits whether it waits for an outcome
   * @returns ends that; further calls do nothing
   */
  enter(waits?: boolean): () => void;
  readonly breaker: ServiceBreaker;
  readonly retries: RetryBudget;
  /** Every instance once, in the order to try them: the next in turn first, absent ones last. */
  candidates(): Instance[];
  /** Marks an instance as absent until it answers a check of its health. */
  markAway(instance: Instance): void;
  readonly allAway: boolean;
  close(): Promise<void>;
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { name, measuredAs = name, urls, timeoutMs, maxInFlight, metrics } = options;
  const instances = urls.map((url) => openInstance(url, { timeoutMs, maxInFlight }));
  const closing = new AbortController();
  const someoneIsThere = async () => {
    await Promise.any(instances.map(isThere));
  };
  const breaker = guardService({ name: measuredAs, probe: someoneIsThere, metrics });
  let turn = 0;
  let inFlight = 0;
  let waiting = 0;

  return {
    name,
    maxInFlight,
    get inFlight() {
      return inFlight;
    },
    get waiting() {
      return waiting;
    },
    get mayWait() {
      return waiting < maxInFlight / 2;
    },
    enter(waits = false) {
      let over = false;
      inFlight++;
      if (waits) waiting++;
      return () => {
        if (over) return;
        over = true;
        inFlight--;
        if (waits) waiting--;
      };
    },
    breaker,
    retries: createRetryBudget(),
    candidates() {
      turn = (turn + 1) % instances.length;
      return inTurn(instances, turn);
    },
    markAway(instance) {
      if (instance.away) return;
      instance.away = true;
      void untilThere(instance, closing.signal);
    },
    get allAway() {
      return instances.every(({ away }) => away);
    },
    async close() {
      closing.abort();
      breaker.close();
      await Promise.all(instances.map(({ pool }) => pool.destroy()));
    },
  };
}

function openInstance(
  url: string,
  { timeoutMs, maxInFlight }: Pick<UpstreamOptions, 'timeoutMs' | 'maxInFlight'>,
): Instance {
  const pool = new Pool(url, {
    // A request that waits for its order holds a connection, so connections are as many as requests.
    connections: maxInFlight,
    pipelining: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 30_000,
  });
  return { url, pool, away: false };
}

/** All instances, the one at `turn` first, absent ones last. */
function inTurn(instances: Instance[], turn: number): Instance[] {
  if (instances.length === 1) return instances;
  const turned = [...instances.slice(turn), ...instances.slice(0, turn)];
  if (!turned.some(({ away }) => away)) return turned;
  return [...turned.filter(({ away }) => !away), ...turned.filter(({ away }) => away)];
}

async function untilThere(instance: Instance, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    try {
      await isThere(instance);
      instance.away = false;
      return;
    } catch {
      await sleep(PROBE_EVERY_MS, undefined, { ref: false, signal: closing }).catch(() => undefined);
    }
  }
}

/** Rejects unless the instance answers in time, with any state of health: a service that cannot work says so itself. */
async function isThere({ pool }: Instance): Promise<void> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const answer = await pool.request({ method: 'GET', path: '/health/live', signal });
  await answer.body.dump();
}
