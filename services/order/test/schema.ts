import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transaction } from '@shop/service';
import { type TestDatabase, uniqueSchemaDatabase } from '@shop/service/testing';

const migrations = join(import.meta.dirname, '../prisma/migrations');

/** A schema of this service for one test file, migrated and empty. */
export function migratedSchema(): Promise<TestDatabase> {
  const names = readdirSync(migrations).sort();
  return uniqueSchemaDatabase(names.map((name) => readFileSync(join(migrations, name, 'migration.sql'), 'utf8')));
}

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
