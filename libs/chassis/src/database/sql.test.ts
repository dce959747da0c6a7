import { describe, expect, it } from '@jest/globals';
import { isDataError, isDeadlock, isDuplicateKey, isOutage, RestartTransactionError } from '../errors/index.ts';
import { createFairGate } from './fair-gate.ts';
import { insertRows, placeholders } from './sql.ts';
import { splitStatements } from './sql-statements.ts';
import type { SqlExecutor, SqlValue } from './transaction.ts';

function recorder() {
  const sent: { sql: string; params: readonly SqlValue[] }[] = [];
  const tx: SqlExecutor = {
    query: async () => [],
    execute: async (sql, params = []) => {
      sent.push({ sql, params });
      return { affectedRows: 1, insertId: 0 };
    },
  };
  return { tx, sent };
}

describe('insertRows', () => {
  it('when rows are few, then one statement inserts them', async () => {
    const { tx, sent } = recorder();
    await insertRows(
      tx,
      't',
      ['a', 'b'],
      [
        [1, 'x'],
        [2, 'y'],
      ],
      { ignore: true },
    );
    expect(sent).toEqual([{ sql: 'INSERT IGNORE INTO t (a, b) VALUES (?,?),(?,?)', params: [1, 'x', 2, 'y'] }]);
  });

  it('when a row has a value more or less than there are columns, then nothing is sent', async () => {
    const { tx, sent } = recorder();
    for (const row of [[1], [1, 'x', 2]]) {
      await expect(insertRows(tx, 't', ['a', 'b'], [[1, 'x'], row])).rejects.toThrow(/values for 2 columns/);
    }
    expect(sent).toEqual([]);
  });

  it('when a duplicate is to be updated, then the clause ends the statement', async () => {
    const { tx, sent } = recorder();
    await insertRows(tx, 't', ['a'], [[1]], { onDuplicateUpdate: 'a = VALUES(a)' });
    expect(sent[0]?.sql).toBe('INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a)');
  });

  it('when rows are large or many, then each statement stays small and no row is lost', async () => {
    const { tx, sent } = recorder();
    await insertRows(
      tx,
      't',
      ['a'],
      Array.from({ length: 10 }, () => [Buffer.alloc(200_000)]),
    );
    expect(sent.map((s) => s.params.length)).toEqual([2, 2, 2, 2, 2]);
    sent.length = 0;
    await insertRows(
      tx,
      't',
      ['a'],
      Array.from({ length: 2500 }, (_, i) => [i]),
    );
    expect(sent.map((s) => s.params.length)).toEqual([1000, 1000, 500]);
  });

  it('when there are no rows, then no statement is sent', async () => {
    const { tx, sent } = recorder();
    expect(await insertRows(tx, 't', ['a'], [])).toBe(0);
    expect(sent).toEqual([]);
    expect(() => placeholders(0)).toThrow(RangeError);
  });
});

describe('error kinds', () => {
  const sql = (errno: number, sqlState: string) => Object.assign(new Error(), { errno, sqlState });
  const prisma = {
    code: 'P2010',
    meta: { driverAdapterError: { cause: { originalCode: '1062', kind: 'UniqueConstraintViolation' } } },
  };

  it('when Prisma wraps a duplicate key, then it is still recognized', () => {
    expect([isDuplicateKey(prisma), isDataError(prisma), isOutage(prisma)]).toEqual([true, true, false]);
  });

  it('when Prisma got no connection in time, then the error is an outage', () => {
    expect(isOutage(Object.assign(new Error(), { code: 'P2028' }))).toBe(true);
  });

  it.each([
    [sql(1062, '23000'), true],
    [sql(1406, '22001'), true],
    [sql(3819, 'HY000'), true],
    [sql(3854, 'HY000'), true],
    [sql(1267, 'HY000'), true],
    [sql(1213, '40001'), false],
    [sql(2013, '08S01'), false],
    [sql(1114, 'HY000'), false],
  ])('when the error is %j, then it is a data error: %s, and otherwise an outage', (error, data) => {
    expect(isDataError(error)).toBe(data);
    expect(isOutage(error)).toBe(!data);
  });

  it('when a transaction still begins again for more locks after its last try, then it is an outage, as a deadlock is', () => {
    const error = new RestartTransactionError('more locks');
    expect([isOutage(error), isDeadlock(error), isDataError(error)]).toEqual([true, true, false]);
  });

  it('when an error is not from the database, then it has none of these kinds', () => {
    const error = Object.assign(new Error('x'), { errno: -111, code: 'ECONNREFUSED' });
    expect([isOutage(error), isDataError(error), isDeadlock(error), isOutage(null)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('splitStatements', () => {
  it('when semicolons hide in strings, names and comments, then they do not split', () => {
    const script = `-- first; comment
      CREATE TABLE \`a;b\` (x VARCHAR(9) DEFAULT 'it''s;' COMMENT "a\\";b"); # end; of line
      /* block; comment */ INSERT INTO t VALUES ('--not a comment;');;
      -- nothing more;`;
    const statements = splitStatements(script);
    expect(statements).toHaveLength(2);
    expect(statements[0]).toContain(`COMMENT "a\\";b")`);
    expect(statements[1]).toContain(`VALUES ('--not a comment;')`);
  });

  it('when a minus is doubled without a space, then it is arithmetic and no comment', () => {
    expect(splitStatements('SELECT 1--1; SELECT 2')).toEqual(['SELECT 1--1', 'SELECT 2']);
  });

  it('when a comment is executable, then it stays in its statement', () => {
    expect(splitStatements('/*!40101 SET NAMES utf8mb4 */;')).toEqual(['/*!40101 SET NAMES utf8mb4 */']);
  });
});

describe('fair gate', () => {
  it('when a place comes free, then the longest waiting caller gets it, not one that asks at that moment', async () => {
    const gate = createFairGate(1, () => new Error('busy'));
    await gate.enter(1000);
    const order: string[] = [];
    const first = gate.enter(1000)?.then(() => void order.push('first'));
    gate.leave();
    const again = gate.enter(1000)?.then(() => void order.push('again'));
    await first;
    gate.leave();
    await again;
    expect(order).toEqual(['first', 'again']);
  });

  it('when the wait is too long, then the caller is refused and takes no place', async () => {
    const gate = createFairGate(1, () => new Error('busy'));
    await gate.enter(1000);
    await expect(gate.enter(5)).rejects.toThrow('busy');
    expect(gate.waiting).toBe(0);
    gate.leave();
    expect(gate.enter(5)).toBeUndefined();
  });
});
