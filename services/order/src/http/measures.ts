import type { EventStreams, Metrics } from '@shop/chassis';
import type { OrderWaits } from '../usecases/order-waits.ts';
import type { OrderWatches } from '../usecases/order-watches.ts';

interface Options {
  readonly metrics: Metrics;
  readonly waits: Pick<OrderWaits, 'waiting'>;
  readonly streams: Pick<EventStreams, 'open'>;
  readonly watches: Pick<OrderWatches, 'orders'>;
}

/** Measures requests that wait for an order's end, and streams that follow orders. */
export function createMeasures({ metrics, waits, streams, watches }: Options) {
  const waitingRequests = metrics.gauge('order_waiting_requests', 'Requests that wait for their order');
  const openStreams = metrics.gauge('order_open_streams', 'Streams of events that are open');
  const watchedOrders = metrics.gauge('order_watched_orders', 'Orders that at least one open stream follows');
  const toldSeconds = metrics.histogram(
    'order_stream_told_seconds',
    'From a step of an order to its sending to a follower',
  );
  return {
    /** Updates the gauges. */
    measureWaiting(): void {
      waitingRequests.set(waits.waiting);
      openStreams.set(streams.open);
      watchedOrders.set(watches.orders);
    },
    /** @param ms from a step to its sending */
    told: (ms: number) => toldSeconds.observe(ms / 1000),
  };
}
