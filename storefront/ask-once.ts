import { type Answer, call, Problem } from './api.ts';
import { wishFor } from './kept-wish.ts';
import { session } from './session.ts';

export interface AskOnceOptions<B> {
  /** Default POST. */
  readonly method?: 'POST' | 'PATCH';
  /** The part of the body that identifies the wish; default the whole body. */
  readonly essence?: (body: B) => unknown;
}

export interface OnceAnswer<T> extends Answer<T> {
  /** False when another tab had the answer before, and has acted on it. */
  readonly isFirst: boolean;
}

/** What is being asked for now. It continues when its page is left, so a returning user cannot ask a second time. */
const underWay = new Set<string>();

/** True while the user asks for this. The event `asking` tells of each change. */
export function isAsking(purpose: string): boolean {
  return underWay.has(nameOf(purpose));
}

/**
 * Sends a request that must have one effect. Until its outcome is known, the same wish repeats the first request word
 * for word, even from another tab; otherwise a lost answer would lead to a second order.
 *
 * @param purpose one wish is remembered for each user and purpose: the last one
 * @throws {Problem}
 */
export async function askOnce<T, B>(
  purpose: string,
  path: string,
  body: B,
  { method = 'POST', essence }: AskOnceOptions<B> = {},
): Promise<OnceAnswer<T>> {
  const name = nameOf(purpose);
  const wish = wishFor(name, body, essence);
  try {
    changeAsking(() => underWay.add(name));
    const answer = await call<T>(method, path, { key: wish.key, body: wish.body });
    return { ...answer, isFirst: wish.ended() };
  } catch (error) {
    if (error instanceof Problem && isRefusal(error)) wish.ended();
    throw error;
  } finally {
    changeAsking(() => underWay.delete(name));
  }
}

function nameOf(purpose: string): string {
  return `${session()?.userId ?? ''}.${purpose}`;
}

function changeAsking(change: () => void): void {
  change();
  dispatchEvent(new Event('asking'));
}

/** Answers from before the shop looked at the key: a repeat may get one though the first request took effect. */
const PROVES_NOTHING: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/** True when the request had no effect and never will. */
function isRefusal({ status, code }: Problem): boolean {
  return status >= 400 && status < 500 && !PROVES_NOTHING.has(status) && code !== 'IDEMPOTENCY_IN_FLIGHT';
}
