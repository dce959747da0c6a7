import { expect, it } from '@jest/globals';
import { beginDeliveryAudit } from './delivery.ts';
import { compareWithDoors, compareWithSets } from './redis-and-rows.ts';

const sql = {
  query: () => Promise.reject(new Error('nothing is to be read')),
  execute: () => Promise.reject(new Error('nothing is to be written')),
  transaction: () => Promise.reject(new Error('nothing is to be written')),
  snapshot: () => Promise.reject(new Error('nothing is to be read')),
  close: () => Promise.resolve(),
};

it('when Redis is away, then the checks that need it are named as not made, with a note', async () => {
  expect(await compareWithDoors({ sql }, 0)).toEqual({
    ...{ findings: [], notMade: ['door-knows-the-coupons'] },
    notes: [expect.stringContaining('not compared with Redis')],
  });
  expect(await compareWithSets({ sql }, 'Asia/Seoul', 0)).toEqual({
    ...{ findings: [], notMade: ['sorted-sets-are-the-table'] },
    notes: [expect.stringContaining('the sorted sets were not compared')],
  });
});

it('when the data platform cannot be asked, then the checks of its deliveries are named as not made', async () => {
  const away = { isThere: () => Promise.resolve(false), ids: () => Promise.reject(new Error('connection refused')) };
  for (const platform of [undefined, away]) {
    const { notMade, notes } = await beginDeliveryAudit(platform);
    expect(notMade).toEqual(['ended-orders-are-delivered', 'delivered-is-an-end']);
    expect(notes).toEqual([expect.stringContaining('deliveries to the data platform were not checked')]);
  }
});
