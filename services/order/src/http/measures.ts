import type { EventStreams, Metrics } from '@shop/chassis';
import type { OrderWaits } from '../usecases/order-waits.ts';
import type { OrderStep, OrderWatches } from '../usecases/order-watches.ts';

interface Options {
  readonly metrics: Metrics;
  /** The clock of the orders' times, ms since the epoch. */
  readonly nowMs: () => number;
  readonly waits: Pick<OrderWaits, 'waiting'>;
  readonly streams: Pick<EventStreams, 'open'>;
  readonly watches: Pick<OrderWatches, 'orders'>;
}

/** Measures requests that wait for an order's end, and streams that follow orders. */
export function createMeasures({ metrics, nowMs, waits, streams, watches }: Options) {
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
    /** Called when a step is sent. */
    told: ({ happenedAt }: Pick<OrderStep, 'happenedAt'>) =>
      toldSeconds.observe(Math.max(0, nowMs() - happenedAt.getTime()) / 1000),
  };
}
