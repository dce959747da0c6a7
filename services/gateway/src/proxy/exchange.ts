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
  /** Path and query, as the client sent them. */
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | null;
  /** Longest wait for the head of the answer, ms. */
  readonly headersTimeout: number;
}

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What every answer of the gateway has: name, value, name, value … */
  readonly ownHeaders: readonly string[];
  readonly upstream: Upstream;
  readonly outgoing: Outgoing;
  /** Told of the answer, or that none came. */
  readonly place: Place | undefined;
  /** For reads that are the same for everybody: it is given the whole answer, whatever their client has of it. */
  readonly standIn: StandIn | undefined;
  /** Told when it is sent a second time. */
  readonly retried: (upstream: string) => void;
  readonly failed: (reason: NoAnswer) => void;
}

/**
 * One request on its way to a service and its answer on the way back. Another instance is tried only as long as no byte
 * of the request has been sent: a request that was perhaps received is never sent twice, unless it only reads.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #attempt: Attempt;
  #candidates: Instance[] = [];
  #instance: Instance | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head: { status: number; headers: string[]; length: number } | undefined;
  #triedAgain = false;
  /** Another answer has been given in its place. */
  #replaced = false;
  /** The client has the answer already: it gets 304 once the rest is known to have come. */
  #unchanged = false;
  #cut = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#attempt = options.upstream.breaker.begin();
  }

  start(): void {
    const { response, outgoing, upstream } = this.#options;
    // 'close' comes after a finished answer too; then there is nothing left to abort.
    response.once('close', () => {
      if (response.writableFinished) return;
      // Neither for the service nor against it.
      this.#attempt.answered();
      this.#controller?.abort(new Error('the client has gone'));
    });
    if (isRead(outgoing)) upstream.retries.earn();
    this.#begin();
  }

  #begin(): void {
    this.#controller = undefined;
    this.#candidates = this.#options.upstream.candidates();
    this.#dispatch(0);
  }

  /** Ends the answer here, where it is: for a stream, whose client comes back for the rest. */
  cut(): void {
    const { response } = this.#options;
    this.#cut = true;
    if (response.headersSent) response.end();
    // One that is still connecting ends as soon as it is connected.
    this.#controller?.abort(new Error('the gateway stops'));
  }

  #dispatch(index: number): void {
    this.#instance = this.#candidates[index];
    this.#instance?.pool.dispatch(this.#options.outgoing, this);
  }

  /** The first byte is about to be sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#options.response.closed) controller.abort(new Error('the client has gone'));
    else if (this.#cut) controller.abort(new Error('the gateway stops'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#attempt.answered();
    const { request, response, standIn, ownHeaders, place } = this.#options;
    place?.answered(status);
    if (status >= 500 && standIn?.answer()) {
      this.#replaced = true;
      return;
    }
    standIn?.begin(status, headers);
    if (status === 200 && standIn && isUnchanged(request.headers, headers.etag)) {
      const { 'content-length': _length, 'content-type': _type, ...rest } = headers;
      this.#unchanged = true;
      this.#head = { status: 304, headers: responseHeaders(rest, ownHeaders), length: Number.NaN };
      return;
    }
    const length = Number(headers['content-length'] ?? Number.NaN);
    this.#head = { status, headers: responseHeaders(headers, ownHeaders), length };
    // An answer of unknown length may be a stream of events: its head does not wait for the first of them.
    if (Number.isNaN(length) && request.method !== 'HEAD' && status !== 204 && status !== 304) {
      this.#writeHead();
      response.flushHeaders();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#replaced) return;
    const { response, standIn } = this.#options;
    standIn?.add(chunk);
    if (this.#unchanged) return;
    this.#writeHead();
    if (chunk.length === this.#head?.length) {
      // The usual answer comes in one piece and leaves in one, head and body together.
      response.end(chunk);
      return;
    }
    // Where others wait for the same answer, a client that reads slowly must not keep it from them.
    if (!response.write(chunk) && !standIn) {
      controller.pause();
      response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.#replaced) return;
    const { response, standIn } = this.#options;
    standIn?.end();
    this.#writeHead();
    if (!response.writableEnded) response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { response } = this.#options;
    if (this.#replaced || response.closed || response.destroyed || response.writableEnded) return;
    if (response.headersSent) {
      // Half an answer has gone out: breaking the connection is the only way left to say so.
      response.destroy();
      return;
    }
    if (this.#controller) this.#silent(error);
    else if ((error as { code?: string }).code === 'UND_ERR_INVALID_ARG') this.#malformed(error);
    else this.#tryNext(error);
  }

  /** No instance can send it: nothing is said of the service. */
  #malformed(error: Error): void {
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

  /** It was sent, and no answer came. */
  #silent(error: Error): void {
    const { upstream, outgoing } = this.#options;
    if (this.#instance) upstream.markAway(this.#instance);
    if (isReset(error) && isRead(outgoing) && !this.#cut && !this.#triedAgain && upstream.retries.spend()) {
      this.#triedAgain = true;
      this.#options.retried(upstream.name);
      // Connections that broke together with this one are found out first.
      setImmediate(() => {
        if (!this.#options.response.closed) this.#begin();
      });
    } else this.#failed('silent', error);
  }

  #failed(kind: 'away' | 'silent', error: Error): void {
    // One instance that died among others is not the service; an answer that did not come in time is.
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

function isRead({ method }: Outgoing): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** The connection ended, as with a process that dies; no time ran out. */
function isReset(error: Error): boolean {
  const { code } = error as { code?: string };
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}
