import { type Answer, call, Problem } from './api.ts';
import { wishFor } from './kept-wish.ts';
import { session } from './session.ts';

/**
 * POSTs a request that must have one effect. Until its outcome is known, the same wish repeats the first request word
 * for word, even after a reload of the page; otherwise a lost answer would lead to a second order.
 *
 * @param purpose one wish is remembered for each user and purpose: the last one
 * @param essence the part of the body that identifies the wish; default the whole body
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

/** True when the request had no effect and never will. */
function isRefusal({ status, code }: Problem): boolean {
  return status >= 400 && status < 500 && status !== 429 && code !== 'IDEMPOTENCY_IN_FLIGHT';
}
