import { expect, it } from '@jest/globals';
import { lostPlacesOf } from './read.ts';

const log = { topics: async () => [], ranges: async () => [], places: async () => [] };

it('when the inboxes cannot be counted, then the status says that it does not know whether topics were made anew', async () => {
  const sql = {
    async query<Row>(text: string): Promise<Row[]> {
      if (text.includes('COUNT(*)')) throw new Error('the database did not answer within 15 s');
      return [];
    },
  };
  const { newLog, unknown } = await lostPlacesOf(log, sql);
  expect(newLog).toEqual([]);
  expect(unknown).toHaveLength(1);
  expect(unknown[0]).toMatch(
    /^whether topics of .*payment.* were made anew could not be looked at: the database did not answer within 15 s$/,
  );
});

it('when the inbox of one group cannot be counted, then the others are told', async () => {
  const sql = {
    async query<Row>(text: string): Promise<Row[]> {
      if (!text.includes('COUNT(*)')) return [];
      if (text.includes('shop_payment')) throw new Error('too slow');
      return [{ n: 1 }] as Row[];
    },
  };
  const { newLog, unknown } = await lostPlacesOf(log, sql);
  expect(newLog).toContain('coupon');
  expect(newLog).not.toContain('payment');
  expect(unknown).toEqual(['whether topics of payment were made anew could not be looked at: too slow']);
});
