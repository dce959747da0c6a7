import { coupons } from './coupons.ts';
import { ranking } from './ranking.ts';
import type { Reconciler } from './reconciler.ts';

/** Every part that can be reconciled. A new part is a new entry. */
export const RECONCILERS: readonly Reconciler[] = [coupons, ranking];
