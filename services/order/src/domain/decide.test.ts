import { describe, expect, it } from '@jest/globals';
import {
  COUPON_ID,
  CREATED,
  completed,
  DEADLINE_MS,
  inputs,
  LATER,
  ORDER_ID,
  payment,
  pending,
  reservation,
  states,
} from '../../test/examples.ts';
import { ContradictingEvent, decide, type OrderInput } from './decide.ts';

const NOW = new Date(CREATED.getTime() + 1_000);

type Outcome =
  | 'stays' // the very same state, nothing said
  | 'knows more' // still pending
  | 'notes it' // still cancelled, for its user
  | 'completes'
  | 'contradicts' // refused loudly
  | `cancels: ${string}`;

/** The whole table: state × input → outcome, before the deadline. */
const table: Record<keyof typeof states, Record<OrderInput['type'], Outcome>> = {
  'pending, knows nothing': {
    'stock-awaited': 'knows more',
    'stock-reserved': 'knows more',
    'stock-rejected': 'cancels: OUT_OF_STOCK',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'cancels: COUPON_EXPIRED',
    'payment-completed': 'knows more',
    'payment-failed': 'cancels: INSUFFICIENT_BALANCE',
    'payment-refunded': 'stays',
    'cancel-requested': 'cancels: ORDER_CANCELLED',
    'deadline-checked': 'stays',
  },
  'pending, waits for stock': {
    'stock-awaited': 'stays',
    'stock-reserved': 'knows more',
    'stock-rejected': 'cancels: OUT_OF_STOCK',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'cancels: COUPON_EXPIRED',
    'payment-completed': 'knows more',
    'payment-failed': 'cancels: INSUFFICIENT_BALANCE',
    'payment-refunded': 'stays',
    'cancel-requested': 'cancels: ORDER_CANCELLED',
    'deadline-checked': 'stays',
  },
  'pending, reserved': {
    'stock-awaited': 'stays',
    'stock-reserved': 'stays',
    'stock-rejected': 'cancels: OUT_OF_STOCK',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'cancels: COUPON_EXPIRED',
    'payment-completed': 'completes',
    'payment-failed': 'cancels: INSUFFICIENT_BALANCE',
    'payment-refunded': 'stays',
    'cancel-requested': 'cancels: ORDER_CANCELLED',
    'deadline-checked': 'stays',
  },
  'pending, paid': {
    'stock-awaited': 'knows more',
    'stock-reserved': 'completes',
    'stock-rejected': 'cancels: OUT_OF_STOCK',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'cancels: COUPON_EXPIRED',
    'payment-completed': 'stays',
    'payment-failed': 'cancels: INSUFFICIENT_BALANCE',
    'payment-refunded': 'stays',
    'cancel-requested': 'cancels: ORDER_CANCELLED',
    'deadline-checked': 'stays',
  },
  completed: {
    'stock-awaited': 'stays',
    'stock-reserved': 'stays',
    'stock-rejected': 'contradicts',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'contradicts',
    'payment-completed': 'stays',
    'payment-failed': 'contradicts',
    'payment-refunded': 'stays',
    'cancel-requested': 'cancels: ORDER_CANCELLED',
    'deadline-checked': 'stays',
  },
  'cancelled while pending': cancelledRow('notes it'),
  'cancelled while reserved': cancelledRow('notes it'),
  'cancelled after completion': cancelledRow('stays'),
};

/** @param payment what a payment does that was not known before */
function cancelledRow(payment: Outcome): Record<OrderInput['type'], Outcome> {
  return {
    'stock-awaited': 'stays',
    'stock-reserved': 'stays',
    'stock-rejected': 'stays',
    'coupon-redeemed': 'stays',
    'coupon-rejected': 'stays',
    'payment-completed': payment,
    'payment-failed': 'stays',
    'payment-refunded': 'notes it',
    'cancel-requested': 'stays',
    'deadline-checked': 'stays',
  };
}

const cases = Object.entries(table).flatMap(([state, row]) =>
  Object.entries(row).map(([input, outcome]) => [state, input, outcome] as const),
) as [keyof typeof states, OrderInput['type'], Outcome][];

describe('decide', () => {
  it.each(cases)('when an order is %s and %s comes, then it %s', (stateName, inputName, outcome) => {
    const state = states[stateName];
    const act = () => decide(state, inputs[inputName], NOW);
    if (outcome === 'contradicts') {
      expect(act).toThrow(ContradictingEvent);
      return;
    }
    const decision = act();
    if (outcome === 'stays') {
      expect(decision.state).toBe(state);
      expect(decision.events).toEqual([]);
    } else if (outcome === 'knows more') {
      expect(decision.state.status).toBe('PENDING');
      expect(decision.state).not.toEqual(state);
      expect(decision.events).toEqual([]);
    } else if (outcome === 'notes it') {
      const noted = inputName === 'payment-refunded' ? { refundedAt: NOW } : { payment };
      expect(decision).toEqual({ state: { ...state, ...noted }, events: [] });
      // Heard again, it changes nothing.
      expect(decide(decision.state, inputs[inputName], LATER).state).toBe(decision.state);
    } else if (outcome === 'completes') {
      expect(decision.state).toMatchObject({ status: 'COMPLETED', reservation, payment, completedAt: NOW });
      expect(decision.events.map((event) => event.type)).toEqual(['order-completed']);
    } else {
      expect(decision.state).toMatchObject({ status: 'CANCELLED', reason: outcome.slice('cancels: '.length) });
      expect(decision.events.map((event) => event.type)).toEqual(['order-cancelled']);
    }
  });

  it('when an order completes, then order-completed carries the lines at their prices and what was paid', () => {
    const { events } = decide(states['pending, reserved'], inputs['payment-completed'], NOW);
    expect(events).toEqual([
      {
        type: 'order-completed',
        data: {
          orderId: ORDER_ID,
          userId: 7,
          couponId: COUPON_ID,
          lines: reservation.lines,
          totalAmount: 2_500,
          discountAmount: 500,
          paidAmount: 2_000,
          completedAt: NOW.getTime(),
          steps: null,
        },
      },
    ]);
  });

  it('when a pending order is cancelled, then order-cancelled carries the lines as ordered', () => {
    const { events } = decide(states['pending, reserved'], inputs['payment-failed'], NOW);
    expect(events).toEqual([
      {
        type: 'order-cancelled',
        data: {
          orderId: ORDER_ID,
          userId: 7,
          couponId: COUPON_ID,
          reason: 'INSUFFICIENT_BALANCE',
          wasCompleted: false,
          completedAt: null,
          lines: [
            { productId: 1, quantity: 2 },
            { productId: 2, quantity: 1 },
          ],
          ...{ steps: null, requestId: null, idempotencyKey: null, requestHash: null },
        },
      },
    ]);
  });

  it('when an order ends, then its event names the steps before it, and the request that cancelled it', () => {
    const steps = ['order-created', 'stock-reserved'];
    const known = pending({ reservation, steps, version: 2 });
    const by = { requestId: 'r', key: 'k', requestHash: 'h' };
    const ends = [inputs['payment-completed'], { type: 'cancel-requested', request: by } as const];
    expect(ends.map((input) => decide(known, input, NOW).events[0]?.data)).toMatchObject([
      { steps: [...steps, 'payment-completed'] },
      { steps, requestId: 'r', idempotencyKey: 'k', requestHash: 'h' },
    ]);
  });

  it('when a completed order is cancelled, then order-cancelled says that and when it had completed', () => {
    const { state, events } = decide(states.completed, inputs['cancel-requested'], NOW);
    expect(state).toMatchObject({ status: 'CANCELLED', reservation, payment, completedAt: LATER });
    expect(events[0]?.data).toMatchObject({ wasCompleted: true, completedAt: LATER.getTime() });
  });

  it.each([
    ['a millisecond before the deadline', DEADLINE_MS - 1, 'PENDING'],
    ['at the deadline', DEADLINE_MS, 'CANCELLED'],
  ])('when the deadline of a pending order is checked %s, then it is %3$s', (_when, ageMs, status) => {
    const now = new Date(CREATED.getTime() + ageMs);
    for (const name of ['pending, knows nothing', 'pending, reserved', 'pending, paid'] as const) {
      expect(decide(states[name], inputs['deadline-checked'], now).state.status).toBe(status);
    }
  });

  it('when the deadline of an ended order has passed, then it stays as it is', () => {
    const now = new Date(CREATED.getTime() + 10 * DEADLINE_MS);
    for (const name of ['completed', 'cancelled while pending', 'cancelled after completion'] as const) {
      expect(decide(states[name], inputs['deadline-checked'], now).state).toBe(states[name]);
    }
  });

  it('when a coupon paid all of it, then it completes with 0 paid', () => {
    const data = { ...inputs['payment-completed'].data, paidAmount: 0, discountAmount: 2_500 };
    const { state } = decide(states['pending, reserved'], { type: 'payment-completed', data }, NOW);
    expect(state).toMatchObject({ status: 'COMPLETED', payment: { paidAmount: 0, discountAmount: 2_500 } });
  });

  it('when an order names no coupon, then no coupon event is believed', () => {
    const without = pending({ couponId: null, reservation });
    for (const input of ['coupon-redeemed', 'coupon-rejected', 'payment-completed'] as const) {
      expect(() => decide(without, inputs[input], NOW)).toThrow(ContradictingEvent);
    }
    const paid = { couponId: null, payment: { paidAmount: 2_500, discountAmount: 0 } };
    expect(() => decide(completed(paid), inputs['coupon-redeemed'], NOW)).toThrow(ContradictingEvent);
    const data = { ...inputs['payment-completed'].data, ...paid.payment };
    expect(decide(without, { type: 'payment-completed', data }, NOW).state.status).toBe('COMPLETED');
  });

  it('when another coupon was redeemed than the order names, then the event is refused', () => {
    const data = { ...inputs['coupon-redeemed'].data, couponId: '01890000-0000-7000-9000-000000000002' };
    expect(() => decide(states['pending, reserved'], { type: 'coupon-redeemed', data }, NOW)).toThrow(
      ContradictingEvent,
    );
  });

  it('when another amount was paid than was reserved, then the event is refused, in whichever order they come', () => {
    const tooLittle = { paidAmount: 2_499, discountAmount: 0 };
    const paid: OrderInput = { type: 'payment-completed', data: { ...inputs['payment-completed'].data, ...tooLittle } };
    expect(() => decide(states['pending, reserved'], paid, NOW)).toThrow(ContradictingEvent);
    expect(() => decide(pending({ payment: tooLittle }), inputs['stock-reserved'], NOW)).toThrow(ContradictingEvent);
  });
});
