import { createCountdown } from './countdown.ts';
import { retryAfterS, spread } from './retry-after.ts';
import { expireSession, type Session, session } from './session.ts';

/** An RFC 9457 problem, or `NETWORK` where there was no answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, code: string, body: Readonly<Record<string, unknown>> = {}) {
    super(typeof body.detail === 'string' ? body.detail : code);
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

export interface Answer<T> {
  readonly status: number;
  readonly data: T;
  readonly headers: Headers;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Idempotency-Key: one for each click, the same for repeats of the request. */
  readonly key?: string;
  /** True when the request has one effect however often it is sent, without a key. */
  readonly idempotent?: boolean;
  /** True where the caller asks again by itself: a failure is told at once. */
  readonly impatient?: boolean;
  /** Longest wait for an outcome in the answer (`Prefer: wait`), s. */
  readonly waitS?: number;
  readonly signal?: AbortSignal;
}

/** Called every second with the seconds until a waiting request is sent again; null when none waits. */
type Waiting = (seconds: number | null) => void;
let waiting: Waiting = () => undefined;
export function onWaiting(told: Waiting): void {
  waiting = told;
}
const countdown = createCountdown((seconds) => waiting(seconds));

const TRIES = 4;
/** A shop with a longer Retry-After is away rather than busy. */
const MAX_WAIT_S = 60;

/** How much the server's clock is ahead of this one, ms; exact to a second. */
let clockAhead = 0;
/** The server's time, ms. */
export function serverNow(): number {
  return Date.now() + clockAhead;
}

/**
 * Calls the API. Repeatable requests (reads, and writes with a key) are repeated when the server asks for patience
 * (429, 503) or cannot be reached. @throws {Problem}
 */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const { key, idempotent = false, impatient = false } = options;
  const repeatable = !impatient && (method === 'GET' || key !== undefined || idempotent);
  const asker = session();
  for (let attempt = 1; ; attempt++) {
    try {
      return await once<T>(method, path, authorized(presentOf(asker)), options);
    } catch (error) {
      if (!(error instanceof Problem) || !repeatable || attempt === TRIES) throw error;
      const seconds = patience(error);
      if (seconds === undefined) throw error;
      const ms = spread(seconds);
      const end = countdown.begin(ms);
      await pause(ms, options.signal).finally(end);
    }
  }
}

async function once<T>(
  method: string,
  path: string,
  headers: Headers,
  { body, key, waitS, signal }: CallOptions,
): Promise<Answer<T>> {
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (key) headers.set('idempotency-key', key);
  if (waitS) headers.set('prefer', `wait=${waitS}`);
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  const response = await reach(path, init);
  const date = Date.parse(response.headers.get('date') ?? '');
  if (!Number.isNaN(date)) clockAhead = Math.abs(date - Date.now()) > 2_000 ? date - Date.now() : 0;
  const data = await bodyOf(response, signal);
  if (!response.ok) throw problemOf(response, data, headers);
  return { status: response.status, data: data as T, headers: response.headers };
}

/** The JSON of an answer; undefined if it is none, e.g. from a proxy. @throws {Problem} NETWORK */
async function bodyOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'NETWORK');
  });
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A response with any status. @throws {Problem} NETWORK */
export async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(0, 'NETWORK');
  }
}

/**
 * The session that a repeat is sent with: the asker's present one, whose token may be newer. A user who signs in during
 * the wait must not repeat another user's request.
 */
function presentOf(asker: Session | undefined): Session | undefined {
  const now = session();
  return now && now.userId === asker?.userId && now.scope === asker.scope ? now : asker;
}

export function authorized(as = session()): Headers {
  const token = as?.token;
  return new Headers(token ? { authorization: `Bearer ${token}` } : {});
}

/**
 * The problem of an answer to a request with the headers `sent`. A 401 ends the session whose token was sent; a request
 * may be answered after its user has signed in anew.
 */
export function problemOf(response: Response, data: unknown, sent: Headers): Problem {
  const isPresent = sent.get('authorization') === authorized().get('authorization');
  if (response.status === 401 && isPresent) expireSession();
  const body = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const code = typeof body.code === 'string' ? body.code : `HTTP_${response.status}`;
  return new Problem(response.status, code, { ...body, retryAfter: retryAfterS(response.headers) });
}

/** Seconds until it is worth trying again; undefined if it is not. */
function patience({ status, code, body }: Problem): number | undefined {
  if (code === 'NETWORK') return 1;
  // A missed deadline, or a key still in progress, is an answer: asking again is the user's choice.
  if (status !== 429 && (status !== 503 || code === 'ORDER_DEADLINE_EXCEEDED')) return undefined;
  const seconds = Number(body.retryAfter);
  return seconds > MAX_WAIT_S ? undefined : seconds;
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
