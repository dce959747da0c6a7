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
  const common = { paceMs: 15, maxWaitMs: CHARGE_WITHIN_MS, metrics };
  const charges = createBatcher({ ...common, name: 'charge-points', run: chargePoints });
  return { charges, stop: () => charges.stop() };
}
