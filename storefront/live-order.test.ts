import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { laterOf, untilRefunded } from './live-order.ts';
import { answerWith, json, pass, standInForBrowser } from './testing.ts';
import type { Order } from './types.ts';

const ORDER: Order = {
  ...{ orderId: 'x', status: 'PENDING', items: [], totalAmount: 5, discountAmount: 0, paidAmount: 5 },
  ...{ createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' },
};
const cancelled = (status: 'PENDING' | 'DONE'): Order => ({
  ...{ ...ORDER, status: 'CANCELLED', refund: { status, amount: 5 } },
});

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
});

describe('the wait for a refund', () => {
  it('when the shop answers at once that it is on its way, then it is asked again after a pause, not at once', async () => {
    const sent = answerWith((_, count) => json(cancelled(count < 5 ? 'PENDING' : 'DONE')));
    const told: Order[] = [];
    const { signal } = new AbortController();
    const done = untilRefunded(cancelled('PENDING'), (order) => told.push(order), signal);
    await pass(900);
    expect(sent).toHaveLength(1);
    await pass(10_000);
    await done;
    expect(sent).toHaveLength(5);
    expect(sent.map(({ path, headers }) => [path, headers.get('prefer')])).toContainEqual(['/orders/x', 'wait=10']);
    expect(told.map(({ refund }) => refund?.status)).toEqual(['PENDING', 'PENDING', 'PENDING', 'PENDING', 'DONE']);
  });

  it('when nothing is given back, or it was, then nobody is asked', async () => {
    const sent = answerWith(() => json(cancelled('PENDING')));
    const { signal } = new AbortController();
    await untilRefunded(ORDER, () => undefined, signal);
    await untilRefunded(cancelled('DONE'), () => undefined, signal);
    expect(sent).toEqual([]);
  });

  it('when the page is left during the pause, then it is not asked again', async () => {
    const sent = answerWith(() => json(cancelled('PENDING')));
    const leaving = new AbortController();
    const ended = untilRefunded(cancelled('PENDING'), () => undefined, leaving.signal).catch((error: unknown) => error);
    await pass(10);
    leaving.abort(new DOMException('left', 'AbortError'));
    expect(await ended).toMatchObject({ name: 'AbortError' });
    await pass(5_000);
    expect(sent).toHaveLength(1);
  });
});

describe('two answers about one order', () => {
  const completed: Order = { ...ORDER, status: 'COMPLETED' };

  it.each([
    ['a refund that was done', cancelled('DONE'), cancelled('PENDING')],
    ['a refund on its way', cancelled('PENDING'), completed],
    ['a cancellation', { ...ORDER, status: 'CANCELLED' as const }, ORDER],
    ['a completion', completed, ORDER],
  ])(
    'when one tells of %s and the other does not, then it is the later one, whichever came first',
    (_, late, early) => {
      expect(laterOf(early, late)).toBe(late);
      expect(laterOf(late, early)).toBe(late);
    },
  );

  it('when both tell the same, then the last that came is shown', () => {
    const fresh = { ...ORDER, totalAmount: 6 };
    expect(laterOf(ORDER, fresh)).toBe(fresh);
    expect(laterOf(undefined, ORDER)).toBe(ORDER);
  });
});
