import { describe, expect, it } from '@jest/globals';
import { type DeadLetter, groupDeadLetters, parseRef } from './read.ts';

let id = 0;
const letter = (change: Partial<DeadLetter>): DeadLetter => {
  id++;
  return {
    ref: `payment/${id}`,
    service: 'payment',
    id,
    group: 'payment',
    topic: 'catalog-events',
    partition: 0,
    offset: id,
    key: `order-${id}`,
    status: 'DEAD',
    eventId: null,
    type: 'stock-reserved',
    reason: 'HANDLER_ERROR',
    error: `Error: order order-${id} would pay ${1000 + id}`,
    attempts: 3,
    failedAt: new Date(id),
    resolvedAt: null,
    resolution: null,
    ...change,
  };
};

describe('grouped dead letters', () => {
  it('when errors differ only in ids and numbers, then the letters are one group, with the messages parked behind them', () => {
    const first = letter({});
    const groups = groupDeadLetters([
      first,
      letter({}),
      letter({ status: 'PARKED', key: first.key, type: 'order-cancelled', error: null }),
      letter({ type: 'order-cancelled' }),
    ]);
    expect(groups).toMatchObject([
      {
        type: 'stock-reserved',
        dead: 2,
        parked: 1,
        error: 'Error: order <key> would pay <n>',
        examples: [first.ref, `payment/${first.id + 1}`],
      },
      { type: 'order-cancelled', dead: 1, parked: 0 },
    ]);
  });

  it('when a letter is unreadable, then its group says so', () => {
    expect(groupDeadLetters([letter({ type: null, key: null })])).toMatchObject([{ type: '(unreadable)', dead: 1 }]);
  });
});

describe('the id of a dead letter', () => {
  it('when a reference is read, then it names the service and the id', () =>
    expect(parseRef('catalog/17')).toEqual({ service: 'catalog', id: 17 }));
  it.each(['17', 'gateway/1', 'catalog/x', ''])('when a reference is "%s", then it is refused', (ref) =>
    expect(() => parseRef(ref)).toThrow('payment/12'),
  );
});
