import { DomainError } from '@shop/chassis';
import type { Response } from 'express';
import { type OrderProblem, PROBLEMS } from '../problems.ts';
import { type OrderView, viewOf } from '../usecases/order-view.ts';
import type { OrderWait } from '../usecases/order-waits.ts';
import type { Placed } from '../usecases/place-order.ts';
import { openWait, type WaitDeps } from './wait.ts';

export interface AnswerDeps extends WaitDeps {
  readonly readOrder: (orderId: string) => Promise<OrderView | undefined>;
}

/** Answers a client whose order was placed: at once, or with the end of the order where the client waits for it. */
export async function answerPlaced(
  deps: AnswerDeps,
  response: Response,
  placed: Placed,
  { seconds, ownWait }: { readonly seconds: number; readonly ownWait?: OrderWait | undefined },
): Promise<void> {
  const { orderId, replayed } = placed;
  if (replayed) {
    ownWait?.cancel();
    response.setHeader('Idempotency-Replayed', 'true');
  }
  response.setHeader('Location', `/orders/${orderId}`);
  if (!seconds) {
    response.status(202).json(replayed ? await deps.readOrder(orderId) : viewOf(placed.order));
    return;
  }
  const wait = replayed ? openWait(deps, response, orderId, seconds) : ownWait;
  const order = await wait?.ended({ justPlaced: !replayed });
  if (response.closed) return;
  if (!order) throw new Error(`order ${orderId} is gone`);
  response.setHeader('Preference-Applied', `wait=${seconds}`);
  const answer = answerFor(order);
  response.status(answer.status).json(answer.order);
}

/** The answer to a client that waits for the end of its order. */
export type Answer = { readonly status: 201 | 202; readonly order: OrderView };

const DETAILS: Partial<Record<OrderProblem, string>> = {
  INSUFFICIENT_BALANCE: 'The balance does not cover the order; nothing was charged.',
  PRODUCT_NOT_FOUND: 'The order names a product that does not exist.',
  PRODUCT_WITHDRAWN: 'The shop has taken a product of the order out of its sale.',
  OUT_OF_STOCK: 'A product of the order is not in stock in this quantity.',
  QUANTITY_ABOVE_LIMIT: 'One user may not hold that many pieces of a product before they are paid.',
  TOO_MANY_WAITING: 'The pieces that are left are held by unpaid orders, and too many orders wait for them already.',
  PRICE_CHANGED: 'The total is not the expected one.',
  COUPON_NOT_FOUND: 'You have no coupon with this id.',
  COUPON_ALREADY_USED: 'Another order uses the coupon.',
  COUPON_REVOKED: 'The shop has taken this coupon back; order without it.',
  COUPON_EXPIRED: 'The time of the coupon is over.',
  ORDER_CANCELLED: 'The order was cancelled.',
  ORDER_DEADLINE_EXCEEDED:
    'The order could not be finished in time and was cancelled; points that were taken for it come back.',
};

/**
 * 201 for a completed order, 202 for a pending one.
 * @throws {DomainError} the reason of a cancelled order, with the order in it
 */
export function answerFor(order: OrderView): Answer {
  if (order.status === 'COMPLETED') return { status: 201, order };
  if (order.status === 'PENDING') return { status: 202, order };
  const code = toCode(order.reason);
  throw new DomainError<OrderProblem>(code, DETAILS[code], { orderId: order.orderId, order });
}

/** A reason unknown to this build counts as a plain cancellation. */
function toCode(reason: string | undefined): OrderProblem {
  return reason !== undefined && Object.hasOwn(PROBLEMS, reason) ? (reason as OrderProblem) : 'ORDER_CANCELLED';
}
