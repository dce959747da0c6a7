import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, codeOf, type ShopAnswer, type ShopRequest } from './gateway.ts';

/** An answer, and the number of attempts. `undefined`: no attempt was answered. */
export interface PatientAnswer {
  readonly answer: ShopAnswer | undefined;
  readonly attempts: number;
}

export type PatientAsk = (request: ShopRequest) => Promise<PatientAnswer>;

/** Most attempts: a killed service is back within seconds, and until then refuses at once, once a second. */
export const MAX_ATTEMPTS = 20;
/** Longest pause, whatever Retry-After says: a rush is over within a minute. */
export const MAX_PAUSE_MS = 5_000;
const FIRST_PAUSE_MS = 200;

export interface PatienceOptions {
  readonly ask: Ask;
  /** An abort ends the current attempt, which rejects, and prevents further ones. */
  readonly signal: AbortSignal;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: clients that were told the same time do not return at once. */
  readonly jitter?: () => number;
}

/** Asks like a well-behaved client: again after Retry-After, with the same key, a bounded number of times. */
export function createPatientAsk(options: PatienceOptions): PatientAsk {
  const { ask, signal, pause = (ms) => sleep(ms, undefined, { signal }), jitter = Math.random } = options;
  return async (request) => {
    for (let attempts = 1; ; attempts++) {
      signal.throwIfAborted();
      const answer = await ask(request, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        return undefined;
      });
      if (attempts === MAX_ATTEMPTS || (answer && isFinal(answer))) return { answer, attempts };
      await pause(pauseMs(answer?.retryAfter, attempts, jitter()), signal);
    }
  };
}

/** True for an answer that another attempt would not change. An order that ended as 503 carries its id and is final. */
function isFinal(answer: ShopAnswer): boolean {
  if (answer.status === 429) return false;
  if (answer.status === 503) return answer.body.orderId !== undefined;
  return codeOf(answer) !== 'IDEMPOTENCY_IN_FLIGHT';
}

export function pauseMs(retryAfter: number | undefined, attempts: number, jitter: number): number {
  const ms = retryAfter === undefined ? FIRST_PAUSE_MS * 2 ** (attempts - 1) : retryAfter * 1_000;
  return Math.min(ms * (1 + jitter / 4), MAX_PAUSE_MS);
}
