import { timeOfId } from '../../ops/src/audit/check.ts';
import { codeOf, type ShopAnswer } from './gateway.ts';
import type { PatientAnswer, PatientAsk } from './patience.ts';
import type { Tally } from './tally.ts';

/** The wish of every buyer in a rush. */
export interface Wanted {
  readonly rushId: string;
  readonly productId: number;
  readonly couponPolicyId: number;
  /** Pieces an order. */
  readonly quantity: number;
  /** When the rush began, ms since the epoch. */
  readonly startedAt: number;
}

export interface BuyerDeps {
  readonly ask: PatientAsk;
  readonly tally: Tally;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Rejects when the rush is aborted. */
  readonly pause: (ms: number) => Promise<void>;
}

/** How long one request waits for the order's end, s. */
const WAIT_SECONDS = 10;
/** Pause before reading a pending order again, ms: with too many waiters the shop answers "pending" at once. */
const LOOK_AGAIN_MS = 250;

/** A token, or none where the shop trusts the stated user (GATEWAY_AUTH=off), or the refusal. */
export type Token = { readonly token: string | undefined } | { readonly refused: string };

/** Demo tokens exist only with DEMO_AUTH=true. Where the path is missing, tokens are not required either. */
export async function askForToken(ask: PatientAsk, body: { userId: number; scope?: string }): Promise<Token> {
  const { answer } = await ask({ method: 'POST', path: '/auth/demo-token', body });
  if (answer?.status === 404) return { token: undefined };
  if (answer && isOk(answer) && typeof answer.body.token === 'string') return { token: answer.body.token };
  return { refused: failure(answer) };
}

/** One buyer: a token, the coupon, the order, each with its own key; every answer is counted. */
export async function buy(wanted: Wanted, userId: number, deps: BuyerDeps): Promise<void> {
  const granted = await askForToken(deps.ask, { userId });
  if ('refused' in granted) deps.tally.shutOut(granted.refused);
  else {
    const couponId = await takeCoupon(wanted, userId, granted.token, deps);
    await order(wanted, { userId, couponId, token: granted.token }, deps);
  }
  deps.tally.buyerEnded();
}

/** @returns a coupon usable for the order */
async function takeCoupon(
  { rushId, couponPolicyId, startedAt }: Wanted,
  userId: number,
  token: string | undefined,
  { ask, tally, clock }: BuyerDeps,
): Promise<string | undefined> {
  const began = clock();
  const { answer, attempts } = await ask({
    method: 'POST',
    path: '/coupons/issue',
    token,
    key: `${rushId}-coupon-${userId}`,
    body: { userId, couponPolicyId },
  });
  const ms = clock() - began;
  const couponId = answer && isOk(answer) ? answer.body.couponId : undefined;
  if (answer && typeof couponId === 'string') {
    // An unanswered attempt may have got the coupon; the time in the coupon's id tells whether it did.
    const isOurs = !answer.body.alreadyIssued || (attempts > 1 && timeOfId(couponId).getTime() >= startedAt);
    tally.coupon(isOurs ? 'issued' : 'alreadyOwn', ms);
    return answer.body.status === 'ISSUED' ? couponId : undefined;
  }
  if (answer && codeOf(answer) === 'COUPON_SOLD_OUT') tally.coupon('soldOut', ms);
  else tally.couponFailed(failure(answer));
  return undefined;
}

async function order(
  { rushId, productId, quantity }: Wanted,
  { userId, couponId, token }: { userId: number; couponId: string | undefined; token: string | undefined },
  { ask, tally, clock, pause }: BuyerDeps,
): Promise<void> {
  const began = clock();
  tally.ordering();
  let { answer }: PatientAnswer = await ask({
    method: 'POST',
    path: '/orders',
    token,
    key: `${rushId}-order-${userId}`,
    wait: WAIT_SECONDS,
    body: { userId, items: [{ productId, quantity }], ...(couponId && { couponId }) },
  });
  const orderId = answer?.body.orderId;
  while (answer && isOk(answer) && answer.body.status === 'PENDING') {
    await pause(LOOK_AGAIN_MS);
    const path = `/orders/${orderId}?userId=${userId}`;
    ({ answer } = await ask({ method: 'GET', path, token, wait: WAIT_SECONDS }));
  }
  const ms = clock() - began;
  const end = endOf(answer);
  if (end === 'COMPLETED') tally.completed(ms);
  else if (end) tally.refused(end, ms);
  // An accepted order that cannot be read stays pending in the counts.
  else if (typeof orderId !== 'string') tally.orderFailed(failure(answer));
}

/** COMPLETED, or the code of the shop's decision against the order; undefined without a decision. */
function endOf(answer: ShopAnswer | undefined): string | undefined {
  if (!answer) return undefined;
  if (isOk(answer)) return answer.body.status === 'COMPLETED' ? 'COMPLETED' : String(answer.body.reason);
  return answer.body.orderId === undefined ? undefined : codeOf(answer);
}

function isOk({ status }: ShopAnswer): boolean {
  return status >= 200 && status < 300;
}

function failure(answer: ShopAnswer | undefined): string {
  return answer ? codeOf(answer) : 'NO_ANSWER';
}
