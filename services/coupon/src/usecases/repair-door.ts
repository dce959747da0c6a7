import { type Logger, type Metrics, OutageError } from '@shop/chassis';
import type { createReconcileDoor } from './reconcile-door.ts';

interface Dependencies {
  readonly reconcile: ReturnType<typeof createReconcileDoor>;
  readonly metrics: Metrics;
  readonly logger: Pick<Logger, 'info'>;
}

/** The job that repairs the door where something has changed since its last run, and counts its repairs. */
export function createRepairDoor({ reconcile, metrics, logger }: Dependencies): (signal: AbortSignal) => Promise<void> {
  const repairs = metrics.counter('coupon_door_repairs_total', 'What the reconciler put right at the door', ['what']);
  return async (signal) => {
    const found = await reconcile({ execute: true, onlyChanged: true, signal }).catch((error: unknown) => {
      // Redis is away, which its client has logged and `coupon_door_available` shows.
      if (error instanceof OutageError) return undefined;
      throw error;
    });
    for (const it of found?.differences ?? []) {
      repairs.inc({ what: 'stale_place' }, it.stalePlaces);
      repairs.inc({ what: 'missing' }, it.missing);
      repairs.inc({ what: 'unknown' }, it.unknown);
      if (it.stalePlaces + it.missing + it.unknown > 0) logger.info(it, 'the door was put right');
    }
  };
}
