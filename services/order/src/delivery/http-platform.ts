import { currentTrace, currentTraceparent, inSpan, isRecorded, noteOnSpan } from '@shop/chassis';
import { OutageError } from '@shop/events';
import type { DataPlatform, DeliveredEvent } from '../usecases/deliver-orders.ts';
import { retryAfterMs } from './retry-after.ts';

/** The platform refuses these events themselves; repeats would be refused as well. */
export class RefusedByPlatformError extends Error {
  override readonly name = 'RefusedByPlatformError';
}

/** The platform answered that it has no time for any events. */
export class PlatformBusyError extends OutageError {
  /** How long it asks to be left alone, ms; undefined when it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, waitMs: number | undefined) {
    super(message);
    this.retryAfterMs = waitMs;
  }
}

export interface HttpPlatformOptions {
  /** URL that accepts POST of `{"events": [{id, type, time, data}]}`. */
  readonly url: string;
  /** Longest time of one call, ms. */
  readonly timeoutMs: number;
  /** Ends current calls when the process stops. */
  readonly signal?: AbortSignal;
}

/** The meaning of an answer. */
export type Verdict = 'delivered' | 'refused' | 'away';

/**
 * 4xx statuses that say nothing of the events: the platform has no time (408, 425, 429), or the address or the rights
 * are wrong (401, 403, 404, 405, 407, 410), which concerns all events and is repaired by an operator. Waiting loses
 * nothing then.
 */
const NOT_THE_EVENTS_FAULT = new Set([401, 403, 404, 405, 407, 408, 410, 425, 429]);

function verdictOf(status: number): Verdict {
  if (status >= 200 && status < 300) return 'delivered';
  if (status >= 400 && status < 500 && !NOT_THE_EVENTS_FAULT.has(status)) return 'refused';
  return 'away';
}

/** Number of characters of an answer shown in an error. */
const MAX_WORDS = 300;
/** Longest answer read, bytes. The connection of a longer one is not used again. */
const MAX_READ = 65_536;

/** The platform behind an HTTP endpoint. */
export function createHttpPlatform({ url, timeoutMs, signal }: HttpPlatformOptions): DataPlatform {
  const { origin, pathname, host } = new URL(url);
  const attributes = { 'http.request.method': 'POST', 'url.full': `${origin}${pathname}`, 'server.address': host };

  return {
    send: (events) => inSpan({ name: 'POST data-platform', kind: 'client', attributes }, () => sendNow(events)),
  };

  async function sendNow(events: readonly DeliveredEvent[]): Promise<void> {
    const body = JSON.stringify({ events });
    const { status, words, waitMs } = await post(body).catch((error: unknown) => {
      throw new OutageError(`the data platform does not answer: ${reasonOf(error)}`, { cause: error });
    });
    noteOnSpan({ 'http.response.status_code': status });
    const verdict = verdictOf(status);
    if (verdict === 'refused') throw new RefusedByPlatformError(`the data platform answered ${status}: ${words}`);
    if (verdict === 'away') throw new PlatformBusyError(`the data platform answered ${status}: ${words}`, waitMs);
  }

  async function post(body: string): Promise<{ status: number; words: string; waitMs: number | undefined }> {
    const limit = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...traceHeader() },
      body,
      // A redirected POST may turn into a GET that answers 200 and delivers nothing.
      redirect: 'manual',
      signal: signal ? AbortSignal.any([limit, signal]) : limit,
    });
    const waitMs = retryAfterMs(answer.headers, Date.now());
    return { status: answer.status, words: await firstWords(answer), waitMs };
  }
}

/** Tells the platform the span of the call, where it is recorded. */
function traceHeader(): Record<string, string> {
  const traceparent = isRecorded(currentTrace()) ? currentTraceparent() : undefined;
  return traceparent === undefined ? {} : { traceparent };
}

/** The beginning of an answer. A short answer is read to its end, so that its connection can be used again. */
async function firstWords({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let words = '';
  let read = 0;
  for await (const chunk of body ?? []) {
    read += chunk.byteLength;
    if (words.length < MAX_WORDS) words += decoder.decode(chunk.subarray(0, MAX_READ), { stream: true });
    // Stops reading and ends the answer.
    if (read > MAX_READ) break;
  }
  return words.slice(0, MAX_WORDS);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.name}: ${error.message}${cause}`;
}
