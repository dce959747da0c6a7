import type { EventStreams, Metrics } from '@shop/chassis';
import type { OrderWaits } from '../usecases/order-waits.ts';
import type { OrderWatches } from '../usecases/order-watches.ts';

interface Options {
  readonly metrics: Metrics;
  readonly waits: Pick<OrderWaits, 'waiting'>;
  readonly streams: Pick<EventStreams, 'open'>;
  readonly watches: Pick<OrderWatches, 'orders'>;
}

/** Counts those who wait for an order or follow one. @returns a function that updates the gauges */
export function createWaitingMeasures({ metrics, waits, streams, watches }: Options): () => void {
  const waitingRequests = metrics.gauge('order_waiting_requests', 'Requests that wait for their order');
  const openStreams = metrics.gauge('order_open_streams', 'Streams of events that are open');
  const watchedOrders = metrics.gauge('order_watched_orders', 'Orders whose steps somebody follows');
  return () => {
    waitingRequests.set(waits.waiting);
    openStreams.set(streams.open);
    watchedOrders.set(watches.orders);
  };
}
