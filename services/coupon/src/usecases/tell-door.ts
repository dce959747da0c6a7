import { OutageError } from '@shop/chassis';
import type { Coupon } from '../domain/coupon.ts';
import type { Door } from './door.ts';

interface Dependencies {
  readonly door: Pick<Door, 'confirm'>;
  readonly logger: { error(details: object, message: string): void };
}

/**
 * Tells the door who holds what, without waiting for it. Should it not hear, its holders are loaded again, or the
 * reconciler adds them.
 */
export function createTellDoor({ door, logger }: Dependencies): (coupons: readonly Coupon[]) => void {
  return (coupons) => {
    if (coupons.length === 0) return;
    door.confirm(coupons).catch((error: unknown) => {
      if (!(error instanceof OutageError)) logger.error({ err: error }, 'the door was not told of new coupons');
    });
  };
}
