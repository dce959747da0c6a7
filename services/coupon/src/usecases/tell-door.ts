import { OutageError } from '@shop/chassis';
import type { Coupon } from '../domain/coupon.ts';
import type { IssueOutcome } from '../domain/issue.ts';
import type { Door } from './door.ts';
import { couponIn } from './issue-coupons.ts';

interface Dependencies {
  readonly door: Pick<Door, 'confirm'>;
  readonly logger: { error(details: object, message: string): void };
}

/**
 * Tells the door the holders of coupons, without waiting. If this fails, its holders are loaded again, or the
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

interface DecidedDependencies {
  readonly tellDoor: ReturnType<typeof createTellDoor>;
  readonly count: (kind: IssueOutcome['kind'], way: 'log') => void;
}

/** Called after the commit of requests from the log: tells the door their coupons, and counts them. */
export function createTellDecided({
  tellDoor,
  count,
}: DecidedDependencies): (outcomes: readonly IssueOutcome[]) => void {
  return (outcomes) => {
    tellDoor(outcomes.flatMap(couponIn));
    for (const { kind } of outcomes) count(kind, 'log');
  };
}
