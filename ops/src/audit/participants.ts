import type { EventType } from '@shop/events';
import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';
import type { Check } from './check.ts';
import { shippingChecks } from './shipping.ts';

/** What a service beside the order service keeps of an order. */
interface Participant {
  readonly service: ServiceName;
  /** It has the columns `order_id` and `status`. */
  readonly table: string;
  /**
   * Status → the events that were published to come to it, in their order. A status that is not named (VOID: cancelled
   * before it was heard of) implies none.
   */
  readonly implies: Readonly<Record<string, readonly EventType[]>>;
  /** What its rows must agree on with those of other services. */
  readonly checks?: readonly Check[];
}

const ALL_PARTICIPANTS = {
  reservation: {
    service: 'catalog',
    table: 'reservations',
    implies: {
      ACTIVE: ['stock-reserved'],
      SOLD: ['stock-reserved'],
      RELEASED: ['stock-reserved'],
      REJECTED: ['stock-rejected'],
    },
  },
  redemption: {
    service: 'coupon',
    table: 'redemptions',
    implies: { REDEEMED: ['coupon-redeemed'], RETURNED: ['coupon-redeemed'], REJECTED: ['coupon-rejected'] },
  },
  payment: {
    service: 'payment',
    table: 'payments',
    implies: {
      COMPLETED: ['payment-completed'],
      REFUNDED: ['payment-completed', 'payment-refunded'],
      FAILED: ['payment-failed'],
    },
  },
  shipment: {
    service: 'shipping',
    table: 'shipments',
    implies: { REQUESTED: ['shipment-requested'], CANCELLED: ['shipment-requested', 'shipment-cancelled'] },
    checks: shippingChecks,
  },
} as const satisfies Readonly<Record<string, Participant>>;

/** The name of a participant's row of an order. */
export type Part = keyof typeof ALL_PARTICIPANTS;

/** The participants whose services run here. */
export const PARTICIPANTS = (Object.entries(ALL_PARTICIPANTS) as [Part, Participant][]).filter(([, { service }]) =>
  SERVICE_NAMES.includes(service),
);
