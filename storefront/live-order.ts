import { call } from './api.ts';
import { followEvents } from './follow.ts';
import type { Order, OrderEvent } from './types.ts';

/** How long an order is waited for where there is no stream, s. */
const WAIT_S = 5;

export interface OrderListener {
  /** A step, seen as it happens. */
  readonly step: (event: OrderEvent) => void;
  /** What the order has come to, without its steps: the stream is away. */
  readonly state: (order: Order) => void;
}

/**
 * Follows an order to its end; a cancellation of a completed one is followed anew.
 * @throws {Problem} when it is not one's own
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
