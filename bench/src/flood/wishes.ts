import type { Outcome } from './clients.ts';
import { isRefusal } from './tally.ts';

/** The wish of a patient client. */
export type Wish = 'coupon' | 'order';

/** The client's next act after an answer. */
export type Next =
  /** The wish has ended: `issued`, `sold out`, `completed`, `out of stock`, or another answer's status and code. */
  | { readonly kind: 'final'; readonly end: string }
  /** Asks again. `fresh`: with a new key, since the earlier request has ended without effect. */
  | { readonly kind: 'again'; readonly afterSeconds: number; readonly fresh: boolean; readonly why: string }
  /** The order is accepted and has not ended: the client asks for its end. */
  | { readonly kind: 'follow'; readonly orderId: string };

/** Pause when the answer states none, s. */
const USUAL_PAUSE_SECONDS = 1;

/** Decides a patient client's next act from the outcome of its request. */
export function decide(wish: Wish, outcome: Outcome): Next {
  if (outcome.kind !== 'answered')
    return { kind: 'again', afterSeconds: USUAL_PAUSE_SECONDS, fresh: false, why: outcome.kind };
  const { status, body, retryAfterSeconds: afterSeconds = USUAL_PAUSE_SECONDS } = outcome.answer;
  const { code: problem, reason, orderId, status: state } = parsed(body);
  // A read order gives the reason that a waiting answer gives as its code.
  const code = status === 200 && state === 'CANCELLED' ? (reason ?? 'CANCELLED') : problem;
  if (code === 'ORDER_DEADLINE_EXCEEDED') return { kind: 'again', afterSeconds, fresh: true, why: 'deadline' };
  if (isRefusal(status)) return { kind: 'again', afterSeconds, fresh: false, why: 'refused' };
  if (wish === 'coupon') {
    if (status === 200) return { kind: 'final', end: 'issued' };
    if (code === 'COUPON_SOLD_OUT') return { kind: 'final', end: 'sold out' };
  } else {
    if (status === 201 || (status === 200 && state === 'COMPLETED')) return { kind: 'final', end: 'completed' };
    if (code === 'OUT_OF_STOCK') return { kind: 'final', end: 'out of stock' };
    if ((status === 202 || (status === 200 && state === 'PENDING')) && typeof orderId === 'string')
      return { kind: 'follow', orderId };
  }
  return { kind: 'final', end: `${status} ${typeof code === 'string' ? code : ''}`.trim() };
}

/** The client's pause, ms: the stated time plus up to a second. @param random from 0 to 1 */
export function pauseMs(afterSeconds: number, random: () => number): number {
  return (afterSeconds + random()) * 1_000;
}

function parsed(body: string): { code?: unknown; orderId?: unknown; status?: unknown; reason?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
