import { expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { StaleBatchError } from '../errors.ts';
import { finishRecovery, noteStep } from './recovery-store.ts';

/** The row of a recovery, as far as these statements look at it. */
function rowWith(status: string) {
  return {
    async execute(sql: string) {
      return { affectedRows: sql.includes("AND status = 'RUNNING'") && status !== 'RUNNING' ? 0 : 1, insertId: 0 };
    },
  } as unknown as Transaction;
}

it.each([
  ['says that it is done', (tx: Transaction) => finishRecovery(tx, 1, new Date(0))],
  ['notes its step', (tx: Transaction) => noteStep(tx, 1, 'open events', new Date(0))],
])('when another run has closed this one, which %s, then that is refused', async (_, write) => {
  await expect(write(rowWith('FAILED'))).rejects.toBeInstanceOf(StaleBatchError);
  await expect(write(rowWith('RUNNING'))).resolves.toBeUndefined();
});
