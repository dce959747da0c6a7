import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isUnchanged } from '@shop/chassis';
import type { Dispatcher } from 'undici';
import type { Place } from '../admission/gate.ts';
import type { Attempt } from './breaker.ts';
import { responseHeaders } from './headers.ts';
import type { NoAnswer } from './no-answer.ts';
import type { StandIn } from './stand-in.ts';
import type { Instance, Upstream } from './upstream.ts';

export interface Outgoing {
  readonly method: string;
  /** Path and query, as sent by the client. */
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | null;
  /** Longest wait for the head of the answer, ms. */
  readonly headersTimeout: number;
}

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Headers of every answer of the gateway: name, value, name, value … */
  readonly ownHeaders: readonly string[];
  readonly upstream: Upstream;
  /** Makes the request to the service. `spentMs`: how much of its time earlier tries took, ms. */
  readonly outgoing: (spentMs: number) => Outgoing;
  /**
   * Longest time for which the service waits until the client has taken a piece of its answer, ms; then the client's
   * connection is broken. Undefined: any time.
   */
  readonly pauseMs: number | undefined;
  /** Informed of the answer, or of its absence. */
  readonly place: Place | undefined;
  /** For reads that are the same for all clients: gets the whole answer, whatever its client receives of it. */
  readonly standIn: StandIn | undefined;
  /** Called when the request is sent a second time. */
  readonly retried: (upstream: string) => void;
  readonly failed: (reason: NoAnswer) => void;
  /** Called once, when the service has nothing more to do for the request, however much of it the client has read. */
  readonly over: () => void;
}

/** The head of a service's answer, in the form sent to the client. */
interface Head {
  readonly status: number;
  readonly headers: string[];
  /** Bytes of the body that it announces; NaN when it announces none. */
  readonly length: number;
  /** True when the client already has the answer: it gets 304 once the rest has arrived, and no body. */
  readonly unchanged: boolean;
}

/**
 * One request on its way to a service, and its answer on the way back. Another instance is tried only while no byte of
 * the request has been sent: a request that may have been received is never sent twice, unless it only reads.
 *
 * A class, since every request creates one: undici calls the methods by their names, and an object of functions would
 * make all of them anew for each request.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #attempt: Attempt;
  #candidates: Instance[] = [];
  #instance: Instance | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Head | undefined;
  /** Bytes of the body handed to the client's connection. */
  #sentBytes = 0;
  /** The time of the first try, ms. */
  #firstAt: number | undefined;
  #triedAgain = false;
  /** True when another answer was sent in its place. */
  #replaced = false;
  #cut = false;
  /** Breaks the client's connection when it takes nothing for too long. */
  #patience: NodeJS.Timeout | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#attempt = options.upstream.breaker.begin();
  }

  start(): void {
    const { request, response, upstream } = this.#options;
    // 'close' also follows a finished answer, with nothing left to abort.
    response.once('close', () => {
      clearTimeout(this.#patience);
      if (response.writableFinished) return;
      // The client left. opossum has no third outcome, so this counts as an answer: it never opens the breaker, but
      // dilutes failures.
      this.#attempt.answered();
      this.#controller?.abort(new Error('the client has gone'));
    });
    if (isRead(request)) upstream.retries.earn();
    this.#begin();
  }

  #begin(): void {
    this.#controller = undefined;
    // A second try must send nothing of the first one's answer.
    this.#head = undefined;
    this.#candidates = this.#options.upstream.candidates();
    this.#dispatch(0);
  }

  /** Ends the answer where it is: for a stream, whose client returns for the rest. */
  cut(): void {
    const { response } = this.#options;
    this.#cut = true;
    if (response.headersSent) response.end();
    // A request that is still connecting ends once it is connected.
    this.#controller?.abort(new Error('the gateway stops'));
  }

  /** Leaves the answer to another exchange, if none has come yet. @returns whether it did */
  leave(): boolean {
    const { response } = this.#options;
    if (this.#head || this.#replaced || response.headersSent || response.closed) return false;
    this.#replaced = true;
    this.#attempt.answered();
    // A request that is still connecting ends once it is connected.
    this.#controller?.abort(new Error('the request is sent again'));
    return true;
  }

  #dispatch(index: number): void {
    this.#instance = this.#candidates[index];
    this.#firstAt ??= performance.now();
    // All tries have one time between them: the client waits no longer because an instance died.
    const spentMs = index === 0 && !this.#triedAgain ? 0 : performance.now() - this.#firstAt;
    this.#instance?.pool.dispatch(this.#options.outgoing(spentMs), this);
  }

  /** Called before the first byte is sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#options.response.closed) controller.abort(new Error('the client has gone'));
    else if (this.#cut || this.#replaced) controller.abort(new Error('the gateway stops'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#replaced) return;
    this.#attempt.answered();
    const { request, response, standIn, ownHeaders, place } = this.#options;
    place?.answered(status);
    standIn?.begin(status, headers);
    if (status >= 500 && standIn?.answer()) {
      this.#replaced = true;
      return;
    }
    if (status === 200 && standIn && isUnchanged(request.headers, headers.etag)) {
      const { 'content-length': _length, 'content-type': _type, ...rest } = headers;
      const own = responseHeaders(rest, ownHeaders);
      this.#head = { status: 304, headers: own, length: Number.NaN, unchanged: true };
      return;
    }
    const hasBody = request.method !== 'HEAD' && status !== 204 && status !== 304;
    const length = hasBody ? Number(headers['content-length'] ?? Number.NaN) : Number.NaN;
    this.#head = { status, headers: responseHeaders(headers, ownHeaders), length, unchanged: false };
    // An answer of unknown length may be a stream of events, so its head does not wait for the first event.
    if (Number.isNaN(length) && hasBody) {
      this.#writeHead();
      response.flushHeaders();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#replaced) return;
    const { response, standIn } = this.#options;
    standIn?.add(chunk);
    if (this.#head?.unchanged) return;
    this.#writeHead();
    this.#sentBytes += chunk.length;
    if (chunk.length === this.#head?.length) {
      // The usual answer comes in one piece and is sent in one, head and body together.
      response.end(chunk);
      return;
    }
    // If others wait for the same answer, a slowly reading client must not delay them.
    if (!response.write(chunk) && !standIn) this.#pause(controller);
  }

  /** Lets the service wait until the client has taken what was written. */
  #pause(controller: Dispatcher.DispatchController): void {
    const { request, response, pauseMs } = this.#options;
    controller.pause();
    clearTimeout(this.#patience);
    // The request holds its place at the service meanwhile. The connection is broken, and not the answer: one that
    // queues behind another answer has no connection yet.
    if (pauseMs !== undefined) this.#patience = setTimeout(() => request.socket.destroy(), pauseMs);
    response.once('drain', () => {
      clearTimeout(this.#patience);
      controller.resume();
    });
  }

  onResponseEnd(): void {
    const { request, response, standIn, over } = this.#options;
    over();
    if (this.#replaced) return;
    standIn?.end();
    this.#writeHead();
    // With too few bytes the client would read the next answer on its connection as the rest of this one.
    if (this.#head && this.#sentBytes < this.#head.length) request.socket.destroy();
    else if (!response.writableEnded) response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { request, response, standIn, over } = this.#options;
    if (this.#replaced || response.closed || response.destroyed || response.writableEnded) {
      over();
      return;
    }
    if (response.headersSent) {
      over();
      standIn?.broke();
      // Half of the answer has been sent: only breaking the connection can tell the client. Destroying the answer would
      // not break it: one that queues behind another has no connection yet.
      request.socket.destroy();
      return;
    }
    if (this.#controller) this.#silent(error);
    else if ((error as { code?: string }).code === 'UND_ERR_INVALID_ARG') this.#malformed(error);
    else this.#tryNext(error);
  }

  /** No instance can send the request, which says nothing of the service. */
  #malformed(error: Error): void {
    this.#options.over();
    this.#attempt.answered();
    this.#options.failed({ kind: 'malformed', error });
  }

  /** The connection could not be made. */
  #tryNext(error: Error): void {
    const { upstream } = this.#options;
    if (this.#instance) upstream.markAway(this.#instance);
    const next = this.#instance ? this.#candidates.indexOf(this.#instance) + 1 : this.#candidates.length;
    if (next < this.#candidates.length) this.#dispatch(next);
    else this.#failed('away', error);
  }

  /** The request was sent, and no answer came. */
  #silent(error: Error): void {
    const { request, upstream } = this.#options;
    if (this.#instance) upstream.markAway(this.#instance);
    if (isReset(error) && isRead(request) && !this.#cut && !this.#triedAgain && upstream.retries.spend()) {
      this.#triedAgain = true;
      this.#options.retried(upstream.name);
      // On the next turn, so that other connections broken at the same time are noticed first.
      setImmediate(() => {
        if (!this.#options.response.closed) this.#begin();
      });
    } else this.#failed('silent', error);
  }

  #failed(kind: 'away' | 'silent', error: Error): void {
    this.#options.over();
    // One dead instance among others is not a failure of the service; an answer that does not come in time is.
    if (this.#options.upstream.allAway || !isReset(error)) this.#attempt.failed(error);
    else this.#attempt.answered();
    this.#options.place?.failed();
    this.#options.failed({ kind, error });
  }

  #writeHead(): void {
    const { response } = this.#options;
    if (!this.#head || response.headersSent) return;
    response.writeHead(this.#head.status, this.#head.headers);
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** True when the connection ended, as when a process dies, and no time ran out. */
function isReset(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}
