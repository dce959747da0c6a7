import { followEvents } from './follow.ts';
import type { OrderEvent } from './types.ts';

/** Follows an order to its end; a cancellation of a completed one is followed anew. @throws {Problem} when it is not one's own */
export function followOrder(
  orderId: string,
  told: (event: OrderEvent) => void,
  options: { readonly signal: AbortSignal; readonly lastEventId?: string },
): Promise<void> {
  return followEvents(`/orders/${orderId}/events`, options, ({ data }) => {
    const event = JSON.parse(data) as OrderEvent;
    told(event);
    return event.type === 'order-completed' || event.type === 'order-cancelled';
  });
}
