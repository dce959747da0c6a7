import { type Answer, call, Problem } from './api.ts';
import { wishFor } from './kept-wish.ts';
import { session } from './session.ts';

/**
 * POSTs what must happen once. Until it is known whether it did, asking for the same again repeats the first request
 * word for word, also after the page was loaded anew: else a lost answer would lead to a second order.
 *
 * @param purpose one wish of a user and purpose is remembered: the last one
 * @param essence what makes it the same; without it the whole body
 * @throws {Problem}
 */
export async function askOnce<T, B>(
  purpose: string,
  path: string,
  body: B,
  essence?: (body: B) => unknown,
): Promise<Answer<T>> {
  const wish = wishFor(`${session()?.userId ?? ''}.${purpose}`, body, essence);
  try {
    const answer = await call<T>('POST', path, { key: wish.key, body: wish.body });
    wish.ended();
    return answer;
  } catch (error) {
    if (error instanceof Problem && isRefusal(error)) wish.ended();
    throw error;
  }
}

/** It was not done, and will not be. */
function isRefusal({ status, code }: Problem): boolean {
  return status >= 400 && status < 500 && status !== 429 && code !== 'IDEMPOTENCY_IN_FLIGHT';
}
