import { Pool } from 'undici';

/** One request to the shop's public API. */
export interface ShopRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: object;
  /** Repeats of a request have the same key. */
  readonly key?: string;
  /** How long the answer may wait for the order's end, s. */
  readonly wait?: number;
}

export interface ShopAnswer {
  readonly status: number;
  /** The JSON; empty if there is none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The shop's Retry-After, s. */
  readonly retryAfter: number | undefined;
}

/** Sends a request once. Rejects when there is no answer, or the signal is aborted. */
export type Ask = (request: ShopRequest, signal: AbortSignal) => Promise<ShopAnswer>;

export interface GatewayClient {
  readonly ask: Ask;
  close(): Promise<void>;
}

/** Longer than the gateway waits for an order. */
const SILENCE_MS = 40_000;

/** @param connections most requests at once */
export function createGatewayClient(url: string, connections: number): GatewayClient {
  const pool = new Pool(url, { connections, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });
  return {
    async ask({ method, path, token, body, key, wait }, signal) {
      const answer = await pool.request({
        method,
        path,
        signal,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...(key && { 'idempotency-key': key }),
          ...(wait && { prefer: `wait=${wait}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      const retryAfter = Number(answer.headers['retry-after'] ?? Number.NaN);
      return {
        status: answer.statusCode,
        body: toObject(await answer.body.text()),
        retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
      };
    },
    close: () => pool.destroy(),
  };
}

function toObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The problem's code, or the status in words for an answer that is not our problem. */
export function codeOf({ status, body }: Pick<ShopAnswer, 'status' | 'body'>): string {
  return typeof body.code === 'string' ? body.code : `HTTP_${status}`;
}
