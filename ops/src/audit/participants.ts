import type { EventType } from '@shop/events';
import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';
import type { Check } from './check.ts';
import { shippingChecks } from './shipping.ts';

/** A service other than the order service that keeps a row for an order. */
interface Participant {
  readonly service: ServiceName;
  /** A table with the columns `order_id` and `status`. */
  readonly table: string;
  /** SQL of the state in `implies`, with the given name of the table. Default: its status. */
  readonly state?: (table: string) => string;
  /**
   * State → the events published on the way to it, in order. A state without an entry (VOID: cancelled before its
   * trigger arrived) implies none.
   */
  readonly implies: Readonly<Record<string, readonly EventType[]>>;
  /** Conditions on its rows and those of other services. */
  readonly checks?: readonly Check[];
}

const ALL_PARTICIPANTS = {
  reservation: {
    service: 'catalog',
    table: 'reservations',
    // An order that ever waited for pieces said so, whatever became of it.
    state: (table) => `IF(${table}.waited = 1, CONCAT(${table}.status, ' after a wait'), ${table}.status)`,
    implies: {
      ACTIVE: ['stock-reserved'],
      SOLD: ['stock-reserved'],
      RELEASED: ['stock-reserved'],
      REJECTED: ['stock-rejected'],
      'WAITING after a wait': ['stock-awaited'],
      'ACTIVE after a wait': ['stock-awaited', 'stock-reserved'],
      'SOLD after a wait': ['stock-awaited', 'stock-reserved'],
      'RELEASED after a wait': ['stock-awaited', 'stock-reserved'],
      'REJECTED after a wait': ['stock-awaited', 'stock-rejected'],
      'VOID after a wait': ['stock-awaited'],
    },
  },
  redemption: {
    service: 'coupon',
    table: 'redemptions',
    implies: {
      REDEEMED: ['coupon-redeemed'],
      RETURNED: ['coupon-redeemed'],
      SPARED: ['coupon-redeemed'],
      REJECTED: ['coupon-rejected'],
    },
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
