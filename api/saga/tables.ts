import type { EventType } from '@shop/events';
import { decide as decideShipment } from '../../examples/shipping/src/domain/shipment.ts';
import * as shipping from '../../examples/shipping/test/examples.ts';
import { decide as decideReservation } from '../../services/catalog/src/domain/reservation.ts';
import * as catalog from '../../services/catalog/test/examples.ts';
import { decide as decideRedemption } from '../../services/coupon/src/domain/redemption.ts';
import * as coupon from '../../services/coupon/test/examples.ts';
import { decide as decideOrder } from '../../services/order/src/domain/decide.ts';
import * as order from '../../services/order/test/examples.ts';
import { decide as decidePayment } from '../../services/payment/src/domain/payment.ts';
import * as payment from '../../services/payment/test/examples.ts';
import type { ServiceName } from '../../services/services.ts';

/** The answer of one service to one input in one state. */
export type Outcome =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'changed'; readonly status: string; readonly says: readonly EventType[] }
  /** The decision threw: the message becomes a dead letter, and an operator looks at it. */
  | { readonly kind: 'contradiction' };

/** The answers of one service, for every state and input, found by running its decisions. */
export interface SagaTable {
  readonly service: ServiceName;
  /** The row that the service keeps. */
  readonly keeps: string;
  /** The orders for which it keeps a row; empty: the row is the order. */
  readonly note: string;
  /** The files, in the service's `src`: its decisions, and the use case that applies them to a batch. */
  readonly files: readonly [decides: string, applies: string];
  readonly inputs: readonly string[];
  readonly rows: readonly { readonly state: string; readonly outcomes: readonly Outcome[] }[];
}

const NOTHING: Outcome = { kind: 'nothing' };
const changed = (status: string, events: readonly { readonly type: EventType }[]): Outcome => ({
  kind: 'changed',
  status,
  says: events.map(({ type }) => type),
});

/** Runs `decide` for every pair. An error is a contradiction. */
function table<S, I>(
  service: ServiceName,
  { keeps, note = '', files }: { keeps: string; note?: string; files: SagaTable['files'] },
  states: Readonly<Record<string, S>>,
  inputs: Readonly<Record<string, I>>,
  decide: (state: S, input: I) => Outcome,
): SagaTable {
  const outcome = (state: S, input: I): Outcome => {
    try {
      return decide(state, input);
    } catch {
      return { kind: 'contradiction' };
    }
  };
  return {
    service,
    keeps,
    note,
    files,
    inputs: Object.keys(inputs),
    rows: Object.entries(states).map(([state, value]) => ({
      state,
      outcomes: Object.values(inputs).map((input) => outcome(value, input)),
    })),
  };
}

/** The tables of the participating services, in the order in which they handle an order. */
export function sagaTables(): SagaTable[] {
  return [orders(), reservations(), redemptions(), payments(), shipments()];
}

function orders(): SagaTable {
  const now = new Date(order.CREATED.getTime() + order.DEADLINE_MS);
  const { 'deadline-checked': overdue, ...inputs } = order.inputs;
  const all = {
    ...inputs,
    'deadline-checked, not over': { ...overdue, deadlineMs: 2 * order.DEADLINE_MS },
    'deadline-checked, over': overdue,
  };
  return table(
    'order',
    { keeps: 'order', files: ['domain/decide.ts', 'usecases/advance-orders.ts'] },
    order.states,
    all,
    (state, input) => {
      const decided = decideOrder(state, input, now);
      return decided.state === state ? NOTHING : changed(decided.state.status, decided.events);
    },
  );
}

function reservations(): SagaTable {
  const inStock = catalog.productsOf(catalog.product(1, { available: 10, reserved: 3, sold: 3 }));
  const allHeld = catalog.productsOf(catalog.product(1, { available: 0, reserved: 3, sold: 3 }));
  const soldOut = catalog.productsOf(catalog.product(1, { available: 0, reserved: 2, sold: 4 }));
  const withdrawn = catalog.productsOf(catalog.product(1, { onSale: false }));
  const nobody = { line: new Map(), unpaid: new Map(), limits: catalog.LIMITS };
  return table(
    'catalog',
    {
      keeps: 'reservation',
      note: 'one reservation for each order',
      files: ['domain/reservation.ts', 'usecases/reserve-stock.ts'],
    },
    {
      'no row yet': undefined,
      WAITING: catalog.waiting,
      ACTIVE: catalog.active,
      SOLD: catalog.sold,
      RELEASED: catalog.released,
      REJECTED: catalog.rejected,
      VOID: catalog.voided,
    },
    {
      'order-created': { event: catalog.created(), products: inStock },
      'order-created, pieces held': { event: catalog.created(), products: allHeld },
      'order-created, out of stock': { event: catalog.created(), products: soldOut },
      'order-created, product withdrawn': { event: catalog.created(), products: withdrawn },
      'order-created, another price expected': { event: catalog.created({ expectedTotal: 1 }), products: inStock },
      'order-completed': { event: catalog.completed(), products: inStock },
      'order-cancelled': { event: catalog.cancelled(), products: inStock },
    },
    (reservation, { event, products }) => {
      const decided = decideReservation({ ...nobody, reservation, products }, event);
      return decided.reservation ? changed(decided.reservation.status, decided.events) : NOTHING;
    },
  );
}

function redemptions(): SagaTable {
  return table(
    'coupon',
    {
      keeps: 'redemption',
      note: 'one redemption for each order that names a coupon',
      files: ['domain/redemption.ts', 'usecases/redeem-coupons.ts'],
    },
    {
      'no row yet': { redemption: undefined, coupon: coupon.issued },
      'no row yet, coupon used by another order': { redemption: undefined, coupon: coupon.usedByAnother },
      'no row yet, coupon expired': { redemption: undefined, coupon: coupon.expired },
      'no row yet, coupon revoked': { redemption: undefined, coupon: coupon.revoked },
      'no row yet, no such coupon': { redemption: undefined, coupon: undefined },
      REDEEMED: { redemption: coupon.redeemed, coupon: coupon.used },
      RETURNED: { redemption: coupon.returned, coupon: coupon.issued },
      SPARED: { redemption: coupon.spared, coupon: coupon.issued },
      REJECTED: { redemption: coupon.rejected, coupon: coupon.usedByAnother },
      VOID: { redemption: coupon.voided, coupon: coupon.issued },
    },
    {
      'stock-reserved, with a coupon': coupon.stockReserved(),
      'stock-reserved, without': coupon.stockReserved({ couponId: null }),
      'order-cancelled': coupon.cancelled(),
    },
    (state, event) => {
      const decided = decideRedemption(state, event, coupon.NOW);
      return decided.redemption ? changed(decided.redemption.status, decided.events) : NOTHING;
    },
  );
}

function payments(): SagaTable {
  const enough = 10_000;
  return table(
    'payment',
    {
      keeps: 'payment',
      note: 'one payment for each order',
      files: ['domain/payment.ts', 'usecases/pay-orders.ts'],
    },
    {
      'no row yet': undefined,
      COMPLETED: payment.completed,
      REFUNDED: payment.refunded,
      FAILED: payment.failed,
      VOID: payment.voided,
    },
    {
      'stock-reserved, without a coupon': { event: payment.stockReserved(), balance: enough },
      'the same, too few points': { event: payment.stockReserved(), balance: 0 },
      'stock-reserved, with a coupon': {
        event: payment.stockReserved({ couponId: payment.COUPON_ID }),
        balance: enough,
      },
      'coupon-redeemed': { event: payment.couponRedeemed(), balance: enough },
      'order-cancelled': { event: payment.cancelled(), balance: enough },
    },
    (row, { event, balance }) => {
      const decided = decidePayment({ payment: row, balance }, event);
      return decided.payment ? changed(decided.payment.status, decided.events) : NOTHING;
    },
  );
}

function shipments(): SagaTable {
  return table(
    'shipping',
    {
      keeps: 'shipment',
      note: 'one shipment for each order that completed (an example: `npm start -- --with shipping`)',
      files: ['domain/shipment.ts', 'usecases/ship-orders.ts'],
    },
    {
      'no row yet': undefined,
      REQUESTED: shipping.shipment('REQUESTED'),
      CANCELLED: shipping.shipment('CANCELLED'),
      VOID: shipping.shipment('VOID'),
    },
    {
      'order-completed': shipping.completed(),
      'order-cancelled, after completion': shipping.cancelled(),
      'order-cancelled, before': shipping.cancelled({ wasCompleted: false }),
    },
    (row, event) => {
      const decided = decideShipment(row, event);
      return decided.shipment ? changed(decided.shipment.status, decided.events) : NOTHING;
    },
  );
}
