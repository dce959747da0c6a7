import type { IncomingMessage, ServerResponse } from 'node:http';

/** Header with the whole milliseconds that the caller will still wait. The gateway sends it with each request. */
export const TIME_LEFT_HEADER = 'x-shop-time-left';

/** The client of a request: whether it still waits, and for how long. */
export interface Client {
  /** True once the client has closed its connection. */
  readonly gone: boolean;
  /** ms until the client gives up, negative afterwards; Infinity where it did not say. */
  readonly timeLeftMs: number;
}

/** A request with the time at which its caller gives up, set by `noteTimeLeft`. */
interface Timed {
  /** On the clock of `performance.now()`. */
  givesUpAt?: number;
}

/**
 * Reads the header of a request that arrived at `arrivedAt`. Only for a verified caller: a stranger's time is ignored.
 */
export function noteTimeLeft(request: IncomingMessage, arrivedAt: number): void {
  const header = request.headers[TIME_LEFT_HEADER];
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return;
  (request as Timed).givesUpAt = arrivedAt + Number(header);
}

/** ms that the caller of `request` will still wait; Infinity where it did not say. */
export function timeLeft(request: object, now: number = performance.now()): number {
  const { givesUpAt } = request as Timed;
  return givesUpAt === undefined ? Number.POSITIVE_INFINITY : givesUpAt - now;
}

type Answering = Pick<ServerResponse, 'closed' | 'writableFinished'>;

/** A class, because an object literal with getters takes ten times as long to make, for each request. */
class RequestClient implements Client {
  readonly #request: object;
  readonly #response: Answering;

  constructor(request: object, response: Answering) {
    this.#request = request;
    this.#response = response;
  }

  get gone(): boolean {
    return this.#response.closed && !this.#response.writableFinished;
  }

  get timeLeftMs(): number {
    return timeLeft(this.#request);
  }
}

/**
 * The client of a request, for `Batcher.submit` and for use cases that drop work without a waiting client. It asks the
 * response only when asked itself, so it needs no listener and no AbortController a request.
 */
export function clientOf(request: object, response: Answering): Client {
  return new RequestClient(request, response);
}
