import type { IdempotencyClaim, SqlExecutor, SqlValue } from '@shop/chassis';
import { type MemoryTransaction, Table, UnknownStatement } from './memory-database.ts';

/** `idempotency_key`: user, scope and key → the request that the key stands for. */
export type IdempotencyRow = IdempotencyClaim;

export class IdempotencyTable extends Table<IdempotencyRow> {
  constructor() {
    super('idempotency_key');
  }
}

/**
 * The three statements of @shop/chassis's idempotency keys, on memory, so that the real code runs. An unknown statement
 * fails loudly here.
 */
export function idempotencySql(table: IdempotencyTable, tx: MemoryTransaction): SqlExecutor {
  return {
    async execute(sql, params = []) {
      await tx.statement(sql.slice(0, 40));
      if (sql.startsWith('INSERT IGNORE INTO idempotency_key (user_id, scope, idem_key, request_hash, request_id,')) {
        let affectedRows = 0;
        for (const row of tuples(params, 6).map(toRow)) {
          if (await tx.insertIgnore(table, keyOf(row), row)) affectedRows++;
        }
        return { affectedRows, insertId: 0 };
      }
      if (sql.startsWith('DELETE FROM idempotency_key WHERE (user_id')) {
        const owned: IdempotencyRow[] = [];
        for (const [userId, scope, key, requestId] of tuples(params, 4)) {
          const name = keyOf({ userId: Number(userId), scope: String(scope), key: String(key) });
          owned.push(...(await tx.lock(table, [name], (row) => row.requestId === requestId)));
        }
        for (const row of owned) await tx.put(table, keyOf(row), undefined);
        return { affectedRows: owned.length, insertId: 0 };
      }
      throw new UnknownStatement(sql);
    },

    async query<Row>(sql: string, params: readonly SqlValue[] = []) {
      await tx.statement(sql.slice(0, 40));
      if (!sql.includes('FROM idempotency_key WHERE (user_id, scope, idem_key) IN')) {
        throw new UnknownStatement(sql);
      }
      const keys = tuples(params, 3).map(([userId, scope, key]) => `${userId}/${scope}/${key}`);
      return keys.flatMap((key) => tx.get(table, key) ?? []) as Row[];
    },
  };
}

function toRow([userId, scope, key, requestHash, requestId]: readonly SqlValue[]): IdempotencyRow {
  return {
    userId: Number(userId),
    scope: String(scope),
    key: String(key),
    requestHash: String(requestHash),
    requestId: String(requestId),
  };
}

const keyOf = ({ userId, scope, key }: Pick<IdempotencyRow, 'userId' | 'scope' | 'key'>): string =>
  `${userId}/${scope}/${key}`;

function tuples(params: readonly SqlValue[], size: number): (readonly SqlValue[])[] {
  return Array.from({ length: params.length / size }, (_, index) => params.slice(index * size, (index + 1) * size));
}
