import { expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { createRecoverStock, type RecoveryStore } from './recover-stock.ts';

it('when another run of the recovery has begun since, then a frozen one takes nobody out of the line', async () => {
  let removed = 0;
  const recovery: Partial<RecoveryStore<Transaction>> = {
    async removeUnknownWaits() {
      removed += 1;
      return [];
    },
  };
  const recover = createRecoverStock({
    transactor: { transaction: (work: (tx: unknown) => unknown) => work({}) },
    recovery,
  } as unknown as Parameters<typeof createRecoverStock>[0]);
  const fence = () => Promise.reject(new Error('another run of the recovery has begun since'));
  await expect(recover.before(fence)).rejects.toThrow('another run');
  expect(removed).toBe(0);
});
