import { coupons } from './coupons.ts';
import { ranking } from './ranking.ts';
import type { Reconciler } from './reconciler.ts';

/** Every part that can be reconciled. Another part is another entry. */
export const RECONCILERS: readonly Reconciler[] = [coupons, ranking];
