import type { Transaction } from '../database/index.ts';

/** The transaction, with every statement noted. */
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
