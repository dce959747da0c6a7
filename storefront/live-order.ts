import { call } from './api.ts';
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
