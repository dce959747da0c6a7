import { Pool } from 'undici';

/** How long an instance that could not be reached is passed over while others can be. */
const AWAY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;

export interface UpstreamOptions {
  /** The service's name, for logs and answers. */
  readonly name: string;
  /** One an instance. */
  readonly urls: readonly string[];
  /** Longest silence before a request is given up, ms. */
  readonly timeoutMs: number;
  /** Most requests at once; further ones are refused. */
  readonly maxInFlight: number;
}

/** One instance of a service. */
export interface Instance {
  readonly url: string;
  readonly pool: Pool;
  /** Until then it is tried last (performance.now()). */
  awayUntil: number;
}

/** A service behind the gateway: its instances, in turn. */
export interface Upstream {
  readonly name: string;
  readonly maxInFlight: number;
  /** Requests being worked on. */
  inFlight: number;
  /** Every instance once, in the order to try them: the next in turn first, those that were away last. */
  candidates(): Instance[];
  markAway(instance: Instance): void;
  close(): Promise<void>;
}

export function createUpstream({ name, urls, timeoutMs, maxInFlight }: UpstreamOptions): Upstream {
  const instances = urls.map((url): Instance => {
    const pool = new Pool(url, {
      // A request that waits for its order holds a connection, so there may be as many as requests.
      connections: maxInFlight,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      keepAliveTimeout: 30_000,
    });
    return { url, pool, awayUntil: 0 };
  });
  let turn = 0;

  return {
    name,
    maxInFlight,
    inFlight: 0,
    candidates() {
      turn = (turn + 1) % instances.length;
      if (turn === 0 && instances.length === 1) return instances;
      const inTurn = [...instances.slice(turn), ...instances.slice(0, turn)];
      const now = performance.now();
      const isAway = (instance: Instance) => instance.awayUntil > now;
      return inTurn.some(isAway) ? [...inTurn.filter((i) => !isAway(i)), ...inTurn.filter(isAway)] : inTurn;
    },
    markAway(instance) {
      instance.awayUntil = performance.now() + AWAY_MS;
    },
    async close() {
      await Promise.all(instances.map(({ pool }) => pool.destroy()));
    },
  };
}
