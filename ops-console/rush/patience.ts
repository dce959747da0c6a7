import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, codeOf, type ShopAnswer, type ShopRequest } from './gateway.ts';

/** An answer, after so many attempts. `undefined`: nobody answered any of them. */
export interface PatientAnswer {
  readonly answer: ShopAnswer | undefined;
  readonly attempts: number;
}

export type PatientAsk = (request: ShopRequest) => Promise<PatientAnswer>;

/**
 * A service that is killed in a rush is back within seconds: an answer that says so comes at once, and every second.
 */
export const MAX_ATTEMPTS = 20;
/** A longer Retry-After is not waited for: a rush is over within a minute. */
export const MAX_PAUSE_MS = 5_000;
const FIRST_PAUSE_MS = 200;

export interface PatienceOptions {
  readonly ask: Ask;
  /** No further attempt, and the one at work is broken off: then it rejects. */
  readonly signal: AbortSignal;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1: those who were told the same do not come back as one. */
  readonly jitter?: () => number;
}

/**
 * Asks as a well-behaved client does: again after what Retry-After says, with the same key, a bounded number of times.
 */
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

/** What another attempt would not change. An order that ended as 503 carries its id, and is one of those. */
function isFinal(answer: ShopAnswer): boolean {
  if (answer.status === 429) return false;
  if (answer.status === 503) return answer.body.orderId !== undefined;
  return codeOf(answer) !== 'IDEMPOTENCY_IN_FLIGHT';
}

export function pauseMs(retryAfter: number | undefined, attempts: number, jitter: number): number {
  const ms = retryAfter === undefined ? FIRST_PAUSE_MS * 2 ** (attempts - 1) : retryAfter * 1_000;
  return Math.min(ms * (1 + jitter / 4), MAX_PAUSE_MS);
}
