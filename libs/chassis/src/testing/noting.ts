import type { Transaction } from '../database/index.ts';

/** A transaction that notes every statement in `statements`. */
export function noting(tx: Transaction, statements: string[]): Transaction {
  return {
    onCommit: (hook) => tx.onCommit(hook),
    query: (sql, params) => {
      statements.push(sql);
      return tx.query(sql, params);
    },
    execute: (sql, params) => {
      statements.push(sql);
      return tx.execute(sql, params);
    },
  };
}
