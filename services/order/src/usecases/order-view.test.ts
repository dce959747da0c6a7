import { describe, expect, it } from '@jest/globals';
import { LATER, states } from '../../test/examples.ts';
import { hasEnded, isRefunded, viewOf } from './order-view.ts';

const cancelled = states['cancelled after completion'];

describe('the view of an order', () => {
  it('when its points are on their way back, then they still count as paid, and the refund is PENDING', () => {
    const view = viewOf(cancelled);
    expect(view).toMatchObject({ paidAmount: 2_000, refund: { status: 'PENDING', amount: 2_000 } });
    expect([hasEnded(view), isRefunded(view)]).toEqual([true, false]);
  });

  it('when they were given back, then nothing is paid any more, and the refund says what it was', () => {
    const view = viewOf({ ...cancelled, refundedAt: LATER });
    expect(view).toMatchObject({ paidAmount: 0, refund: { status: 'DONE', amount: 2_000 } });
    expect(isRefunded(view)).toBe(true);
  });

  it('when no points were taken, or it is not cancelled, then there is no refund', () => {
    const free = { ...cancelled, payment: { paidAmount: 0, discountAmount: 2_500 } };
    for (const order of [free, states['cancelled while reserved'], states.completed, states['pending, paid']]) {
      expect(viewOf(order)).not.toHaveProperty('refund');
      expect(isRefunded(viewOf(order))).toBe(true);
    }
  });
});
