import { call, pause } from './api.ts';
import { followEvents } from './follow.ts';
import type { Order, OrderEvent } from './types.ts';

/** How long to wait for an order without a stream, s. */
const WAIT_S = 5;

export interface OrderListener {
  /** Called with each step as it happens. */
  readonly step: (event: OrderEvent) => void;
  /** Called with the order, without its steps, while the stream is away. */
  readonly state: (order: Order) => void;
}

/**
 * Follows an order to its end. A cancellation of a completed order needs a new call.
 * @throws {Problem} when the order is not the user's
 */
export function followOrder(
  orderId: string,
  { step, state }: OrderListener,
  { signal, lastEventId }: { readonly signal: AbortSignal; readonly lastEventId?: string | undefined },
): Promise<void> {
  const meanwhile = async () => {
    const { data } = await call<Order>('GET', `/orders/${orderId}`, { waitS: WAIT_S, signal });
    state(data);
    return data.status !== 'PENDING';
  };
  return followEvents(
    `/orders/${orderId}/events`,
    { signal, meanwhile, ...(lastEventId && { lastEventId }) },
    ({ data }) => {
      const event = JSON.parse(data) as OrderEvent;
      step(event);
      return event.type === 'order-completed' || event.type === 'order-cancelled';
    },
  );
}

/** How long one question for a refund waits for its answer, s. */
const REFUND_WAIT_S = 10;
/** Pause before the next question, ms: with too many waiters, or while it stops, the shop answers "pending" at once. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Asks for an order until its points are given back. They come back a moment after the cancellation.
 * @param state called with each answer
 * @throws {Problem}
 */
export async function untilRefunded(order: Order, state: (order: Order) => void, signal: AbortSignal): Promise<void> {
  let now = order;
  while (now.refund?.status === 'PENDING' && !signal.aborted) {
    now = (await call<Order>('GET', `/orders/${order.orderId}`, { waitS: REFUND_WAIT_S, signal })).data;
    state(now);
    if (now.refund?.status === 'PENDING') await pause(LOOK_AGAIN_MS * (1 + Math.random()), signal);
  }
}

/** What an order comes to, in turn. It never goes back. */
const STATUSES: readonly Order['status'][] = ['PENDING', 'COMPLETED', 'CANCELLED'];
const REFUNDS: readonly (NonNullable<Order['refund']>['status'] | undefined)[] = [undefined, 'PENDING', 'DONE'];

/**
 * The later of two states of one order; the one that came last where both are alike. The stream and the answers come
 * by different connections, so an older state may come last.
 */
export function laterOf(known: Order | undefined, came: Order): Order {
  const progress = ({ status, refund }: Order) =>
    STATUSES.indexOf(status) * REFUNDS.length + REFUNDS.indexOf(refund?.status);
  return known && progress(known) > progress(came) ? known : came;
}
