import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { responseHeaders } from './headers.ts';
import type { Instance, Upstream } from './upstream.ts';

export interface Outgoing {
  readonly method: string;
  /** Path and query, as the client sent them. */
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | null;
}

/** Why there is no answer to pass on; nothing has been sent to the client yet. */
export interface NoAnswer {
  /** `away`: no instance took the request. `silent`: one took it, and what became of it is not known. */
  readonly kind: 'away' | 'silent' | 'malformed';
  readonly error: Error;
}

/**
 * One request on its way to a service and its answer on the way back. Another instance is tried only as long as no byte
 * of the request has been sent: a request that was perhaps received is never sent twice.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #upstream: Upstream;
  readonly #outgoing: Outgoing;
  readonly #failed: (reason: NoAnswer) => void;
  #candidates: Instance[] = [];
  #instance: Instance | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head: { status: number; headers: string[]; length: number } | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    upstream: Upstream,
    outgoing: Outgoing,
    failed: (reason: NoAnswer) => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#upstream = upstream;
    this.#outgoing = outgoing;
    this.#failed = failed;
  }

  start(): void {
    // 'close' comes after a finished answer too; then there is nothing left to abort.
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) this.#controller?.abort(new Error('the client has gone'));
    });
    this.#candidates = this.#upstream.candidates();
    this.#dispatch(0);
  }

  /** Ends the answer here, where it is: for a stream, whose client comes back for the rest. */
  cut(): void {
    if (this.#response.headersSent) this.#response.end();
    this.#controller?.abort(new Error('the gateway stops'));
  }

  #dispatch(attempt: number): void {
    this.#instance = this.#candidates[attempt];
    this.#instance?.pool.dispatch(this.#outgoing, this);
  }

  /** The first byte is about to be sent: from here on there is no second try. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#response.closed) controller.abort(new Error('the client has gone'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    const length = Number(headers['content-length'] ?? Number.NaN);
    this.#head = { status, headers: responseHeaders(headers), length };
    // An answer of unknown length may be a stream of events: its head does not wait for the first of them.
    if (Number.isNaN(length) && this.#request.method !== 'HEAD' && status !== 204 && status !== 304) {
      this.#writeHead();
      this.#response.flushHeaders();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#head && chunk.length === this.#head.length) {
      // The usual answer comes in one piece and leaves in one, head and body together.
      this.#writeHead();
      this.#response.end(chunk);
      return;
    }
    this.#writeHead();
    if (!this.#response.write(chunk)) {
      controller.pause();
      this.#response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    this.#writeHead();
    if (!this.#response.writableEnded) this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#response.closed || this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.headersSent) {
      // Half an answer has gone out: breaking the connection is the only way left to say so.
      this.#response.destroy();
      return;
    }
    if (this.#controller) this.#failed({ kind: 'silent', error });
    else if ((error as { code?: string }).code === 'UND_ERR_INVALID_ARG') this.#failed({ kind: 'malformed', error });
    else this.#tryNext(error);
  }

  #tryNext(error: Error): void {
    if (this.#instance) this.#upstream.markAway(this.#instance);
    const next = this.#instance ? this.#candidates.indexOf(this.#instance) + 1 : this.#candidates.length;
    if (next < this.#candidates.length) this.#dispatch(next);
    else this.#failed({ kind: 'away', error });
  }

  #writeHead(): void {
    if (!this.#head || this.#response.headersSent) return;
    this.#response.writeHead(this.#head.status, this.#head.headers);
  }
}
