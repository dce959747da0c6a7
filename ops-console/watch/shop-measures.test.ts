import { expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import { measureShop, type ShopReads } from './shop-measures.ts';

const LETTERS = { group: 'payment', dead: 1, parked: 2, redriving: 0, oldestMs: 90_000 };
const READS: ShopReads = {
  lags: async () => [{ group: 'payment', topic: 'order-events', lag: 7 }],
  letters: async () => [LETTERS],
};

function measured(reads: Partial<ShopReads>) {
  const metrics = createMetrics({ defaults: false });
  const now = { ...READS, ...reads };
  measureShop({
    ...{ metrics, groups: ['order', 'payment'], readMs: 20 },
    reads: { lags: () => now.lags(), letters: () => now.letters() },
  });
  const lines = async () => (await metrics.render()).split('\n').filter((line) => line && !line.startsWith('#'));
  return { now, lines };
}

it('when measures are read, then lag and open letters are those of the moment, and a group without letters has 0', async () => {
  const { lines } = measured({});
  expect(await lines()).toEqual([
    'consumer_lag_messages{group="payment",topic="order-events"} 7',
    'dead_letters_open{group="order",state="dead"} 0',
    'dead_letters_open{group="order",state="parked"} 0',
    'dead_letters_open{group="order",state="redriving"} 0',
    'dead_letters_open{group="payment",state="dead"} 1',
    'dead_letters_open{group="payment",state="parked"} 2',
    'dead_letters_open{group="payment",state="redriving"} 0',
    'dead_letters_oldest_age_seconds{group="order"} 0',
    'dead_letters_oldest_age_seconds{group="payment"} 90',
    'ops_read_failed{part="log"} 0',
    'ops_read_failed{part="schemas"} 0',
  ]);
});

it('when Kafka does not answer, then its measures have no value instead of an old one, and the others stay', async () => {
  const { now, lines } = measured({});
  await lines();
  now.lags = () => new Promise(() => undefined);
  const after = await lines();
  expect(after.filter((line) => line.startsWith('consumer_lag'))).toEqual([]);
  expect(after).toContain('ops_read_failed{part="log"} 1');
  expect(after).toContain('dead_letters_open{group="payment",state="dead"} 1');
});

it('when the database is away, then no letters are told, and what is read next is told again', async () => {
  const { now, lines } = measured({ letters: () => Promise.reject(new Error('away')) });
  const before = await lines();
  expect(before.filter((line) => line.startsWith('dead_letters'))).toEqual([]);
  expect(before).toContain('ops_read_failed{part="schemas"} 1');
  now.letters = READS.letters;
  expect(await lines()).toContain('dead_letters_open{group="payment",state="dead"} 1');
});
