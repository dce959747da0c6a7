import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whole milliseconds that the caller will still wait for the answer. The gateway sends it with each request. */
export const TIME_LEFT_HEADER = 'x-shop-time-left';

/** The one who waits for an answer: whether it still does, and for how long. */
export interface Client {
  /** It closed its connection: nobody will read the answer. */
  readonly gone: boolean;
  /** ms until it gives up, negative afterwards; Infinity where it did not say. */
  readonly timeLeftMs: number;
}

/** A request of which `noteTimeLeft` has found out when its caller gives up. */
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

/** Getters of a class: an object literal with getters takes ten times as long to make, for each request. */
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
 * The client of a request, for `Batcher.submit` and use cases that drop work nobody waits for. It asks the response
 * when it is asked itself: no listener and no AbortController a request.
 */
export function clientOf(request: object, response: Answering): Client {
  return new RequestClient(request, response);
}
