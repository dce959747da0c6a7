import { createBatcher, type Metrics } from '@shop/chassis';
import type { createPlaceOrders } from './place-order.ts';

interface Dependencies {
  readonly placeOrders: ReturnType<typeof createPlaceOrders>;
  /** Longest wait of an order for its transaction, ms. */
  readonly placeWithinMs: number;
  readonly metrics: Metrics;
}

/** Concurrent orders are placed in one transaction. */
export function createBatchedWrites({ placeOrders, placeWithinMs, metrics }: Dependencies) {
  const placements = createBatcher({
    name: 'place-order',
    maxSize: 250,
    concurrency: 2,
    paceMs: 45,
    maxQueue: 2_000,
    maxWaitMs: placeWithinMs,
    metrics,
    run: placeOrders,
  });
  return { placements, stop: () => placements.stop() };
}
