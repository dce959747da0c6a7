import { createBatcher, type Metrics } from '@shop/chassis';
import type { createChargePoints } from './charge-points.ts';

/** Longest wait of a charge for its transaction, ms. */
const CHARGE_WITHIN_MS = 400;

interface Dependencies {
  readonly chargePoints: ReturnType<typeof createChargePoints>;
  readonly metrics: Metrics;
}

/** Concurrent charges are made in one transaction. */
export function createBatchedWrites({ chargePoints, metrics }: Dependencies) {
  const charges = createBatcher({
    name: 'charge-points',
    paceMs: 15,
    maxWaitMs: CHARGE_WITHIN_MS,
    metrics,
    run: chargePoints,
  });
  return { charges, stop: () => charges.stop() };
}
