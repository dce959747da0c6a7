import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CommitOutcomeUnknownError } from '../src/errors/sql-error.ts';
import {
  createDatabase,
  createLogger,
  createMetrics,
  insertRows,
  isDataError,
  isDuplicateKey,
  isLockTimeout,
  isOutage,
  isReadOnly,
} from '../src/index.ts';
import { eventually, type TestDatabase, uniqueSchemaDatabase } from '../src/testing/index.ts';
import { openTcpGate, type TcpGate } from './tcp-gate.ts';

const TABLE = `CREATE TABLE item (
  id BIGINT PRIMARY KEY, amount BIGINT NOT NULL DEFAULT 0, at DATETIME(3), doc JSON, note VARCHAR(10), bytes VARBINARY(20),
  code CHAR(9) CHARACTER SET ascii COLLATE ascii_bin)`;

let test: TestDatabase;
beforeAll(async () => {
  test = await uniqueSchemaDatabase([TABLE]);
});
afterAll(() => test.drop());
beforeEach(() => test.database.execute('DELETE FROM item'));

const amounts = async () =>
  (await test.database.query<{ amount: number }>('SELECT amount FROM item ORDER BY id')).map((row) => row.amount);

describe('values and sessions', () => {
  it('when values are written, then the same are read: numbers, UTC dates to the millisecond, JSON as text, bytes', async () => {
    const at = new Date('2026-01-31T23:59:59.987Z');
    const row = [1, Number.MAX_SAFE_INTEGER, at, '{"a":[1,"ü"]}', "o'x\\\n😀", Buffer.from([0, 1, 255])];
    await insertRows(test.database, 'item', ['id', 'amount', 'at', 'doc', 'note', 'bytes'], [row]);
    const [read] = await test.database.query<Record<string, unknown>>('SELECT * FROM item');
    expect(read).toMatchObject({ id: 1, amount: Number.MAX_SAFE_INTEGER, at, note: "o'x\\\n😀", bytes: row[5] });
    expect(JSON.parse(String(read?.doc))).toEqual({ a: [1, 'ü'] });
    const [sum] = await test.database.query(
      'SELECT COUNT(*) AS n, SUM(amount) AS s, CAST(at AS CHAR) AS t FROM item GROUP BY at',
    );
    expect(sum).toEqual({ n: 1, s: Number.MAX_SAFE_INTEGER, t: '2026-01-31 23:59:59.987' });
  });

  it('when a connection is opened, in the pool or on its own, then its session is READ COMMITTED, UTC, strict', async () => {
    const own = await test.database.dedicatedConnection({ waitTimeoutSeconds: 7 });
    const variables = `SHOW SESSION VARIABLES WHERE Variable_name IN ('time_zone', 'innodb_lock_wait_timeout', 'sql_mode', 'wait_timeout', 'net_read_timeout', 'net_write_timeout')
      OR Variable_name IN ('transaction_isolation', 'tx_isolation') AND Value <> ''`;
    for (const executor of [test.database, own]) {
      const rows = await executor.query<{ Variable_name: string; Value: string }>(variables);
      const session = Object.fromEntries(rows.map((row) => [row.Variable_name, row.Value]));
      expect(session.transaction_isolation ?? session.tx_isolation).toBe('READ-COMMITTED');
      expect(session).toMatchObject({ time_zone: '+00:00', innodb_lock_wait_timeout: '5' });
      expect(session.sql_mode).toContain('STRICT_TRANS_TABLES');
      // Idle within a transaction is idle for the server, too.
      expect(session.wait_timeout).toBe(executor === own ? '7' : '10');
      expect(session).toMatchObject({ net_read_timeout: '10', net_write_timeout: '10' });
    }
    await own.ping();
    await own.end();
  });
});

it('when text is compared with a column that cannot hold it, then the text is at fault, not the database', async () => {
  // MySQL refuses such text with a general SQLSTATE; MariaDB finds no row.
  const answer: unknown = await test.database
    .query('SELECT id FROM item WHERE code IN (?) FOR UPDATE', ['주문-1'])
    .catch((error: unknown) => error);
  expect(isOutage(answer)).toBe(false);
  expect(isDataError(answer) || answer).toEqual(Array.isArray(answer) ? [] : true);
});

describe('transactions', () => {
  it('when the work resolves, then it is committed and the hooks run after that; when it rejects, neither', async () => {
    let hooks = 0;
    const seen = await test.database.transaction(async (tx) => {
      tx.onCommit(() => hooks++);
      await tx.execute('INSERT INTO item (id) VALUES (1)');
      expect(hooks).toBe(0);
      return 'done';
    });
    expect([seen, hooks]).toEqual(['done', 1]);
    const refused = test.database.transaction(async (tx) => {
      tx.onCommit(() => hooks++);
      await tx.execute('INSERT INTO item (id) VALUES (2)');
      throw new Error('refused');
    });
    await expect(refused).rejects.toThrow('refused');
    expect([await amounts(), hooks]).toEqual([[0], 1]);
  });

  it('when a statement fails, then its kind is known and earlier statements are rolled back', async () => {
    const insert = (id: number, note: string) =>
      test.database.transaction(async (tx) => {
        await tx.execute('INSERT INTO item (id) VALUES (?)', [id + 100]);
        await tx.execute('INSERT INTO item (id, note) VALUES (?, ?)', [id, note]);
      });
    await test.database.execute('INSERT INTO item (id) VALUES (1)');
    const duplicate = await insert(1, 'x').catch((error: unknown) => error);
    const tooLong = await insert(2, 'x'.repeat(11)).catch((error: unknown) => error);
    expect([isDuplicateKey(duplicate), isDataError(duplicate), isOutage(duplicate)]).toEqual([true, true, false]);
    expect([isDuplicateKey(tooLong), isDataError(tooLong), isOutage(tooLong)]).toEqual([false, true, false]);
    expect(await amounts()).toEqual([0]);
  });

  it('when two transactions deadlock, then the loser is repeated and both take effect', async () => {
    await insertRows(test.database, 'item', ['id'], [[1], [2]]);
    const bothHold = Promise.withResolvers<void>();
    let holding = 0;
    let attempts = 0;
    const add = (first: number, second: number) =>
      test.database.transaction(async (tx) => {
        attempts++;
        await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [first]);
        if (++holding === 2) bothHold.resolve();
        await bothHold.promise;
        await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [second]);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    expect(attempts).toBe(3);
    expect(await amounts()).toEqual([2, 2]);
  });

  it('when transactions deadlock and wait for a connection, then the measures say so', async () => {
    const metrics = createMetrics({ defaults: false });
    const database = createDatabase({ url: test.url, poolSize: 2, metrics });
    const values = async (name: string) =>
      Object.fromEntries(
        (await metrics.registry.getSingleMetric(name)?.get())?.values.map((it) => [
          Object.values(it.labels).join(' '),
          it.value,
        ]) ?? [],
      );
    try {
      await insertRows(test.database, 'item', ['id'], [[1], [2]]);
      const bothHold = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      let holding = 0;
      const add = (first: number, second: number) =>
        database.transaction(async (tx) => {
          await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [first]);
          if (++holding === 2) bothHold.resolve();
          await goOn.promise;
          await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [second]);
        });
      const both = [add(1, 2), add(2, 1)];
      await bothHold.promise;
      const third = database.query('SELECT 1');
      expect(await values('database_connections')).toEqual({ in_use: 2, idle: 0, unopened: 0 });
      expect(await values('database_connection_waiters')).toEqual({ '': 1 });
      goOn.resolve();
      await Promise.all([...both, third]);
      expect(await values('database_transaction_conflicts_total')).toEqual({
        ...{ 'deadlock retried': 1, 'deadlock given_up': 0 },
        ...{ 'lock_timeout retried': 0, 'lock_timeout given_up': 0 },
      });
      expect(await values('database_connection_waiters')).toEqual({ '': 0 });
    } finally {
      await database.close();
    }
  });

  it('when work swallows a deadlock, then no part of it is committed alone: the work is repeated', async () => {
    await insertRows(test.database, 'item', ['id'], [[1], [2], [3]]);
    const bothHold = Promise.withResolvers<void>();
    let holding = 0;
    const add = (first: number, second: number) =>
      test.database.transaction(async (tx) => {
        await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [first]);
        if (++holding === 2) bothHold.resolve();
        await bothHold.promise;
        await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = ?', [second]).catch(() => undefined);
        await tx.execute('UPDATE item SET amount = amount + 1 WHERE id = 3').catch(() => undefined);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    expect(await amounts()).toEqual([2, 2, 2]);
  });

  it('when a lock is not given in time, then the work is tried once more and then fails as a lock time-out', async () => {
    await insertRows(test.database, 'item', ['id'], [[1]]);
    const release = Promise.withResolvers<void>();
    const holds = Promise.withResolvers<void>();
    const holder = test.database.transaction(async (tx) => {
      await tx.query('SELECT * FROM item WHERE id = 1 FOR UPDATE');
      holds.resolve();
      await release.promise;
    });
    await holds.promise;
    let attempts = 0;
    const waiter = await test.database
      .transaction(async (tx) => {
        attempts++;
        await tx.execute('SET SESSION innodb_lock_wait_timeout = 1');
        await tx.execute('UPDATE item SET amount = 9 WHERE id = 1');
      })
      .catch((error: unknown) => error);
    release.resolve();
    await holder;
    expect([isLockTimeout(waiter), isOutage(waiter), attempts]).toEqual([true, true, 2]);
  });

  it('when a statement comes after the end of its transaction, then it is refused', async () => {
    const tx = await test.database.transaction(async (open) => {
      await open.query('SELECT 1');
      return open;
    });
    await expect(tx.query('SELECT 1')).rejects.toThrow('after its transaction had ended');
  });

  it('when 40 loops share 10 connections, then each gets its turns', async () => {
    const turns = Array.from({ length: 40 }, () => 0);
    const end = Date.now() + 500;
    await Promise.all(
      turns.map(async (_, loop) => {
        while (Date.now() < end) {
          await test.database.transaction((tx) => tx.query('SELECT 1'));
          turns[loop] = (turns[loop] ?? 0) + 1;
        }
      }),
    );
    expect(Math.min(...turns)).toBeGreaterThan(Math.max(...turns) / 2);
  });
});

describe("the server's limits", () => {
  /** One connection of a user without the rights of root, to whom read_only does not apply. */
  async function readerAndWriter(): Promise<ReturnType<typeof createDatabase>> {
    const url = new URL(test.url);
    const schema = url.pathname.slice(1);
    await test.database.execute(`CREATE USER IF NOT EXISTS 'plain'@'%' IDENTIFIED BY 'plain'`);
    await test.database.execute(`GRANT ALL ON ${schema}.* TO 'plain'@'%'`);
    url.username = 'plain';
    url.password = 'plain';
    return createDatabase({ url: url.href, poolSize: 1 });
  }

  it('when a process stops in the middle of a transaction, then the server ends it, and others get its rows', async () => {
    await insertRows(test.database, 'item', ['id'], [[1], [2]]);
    const frozen = createDatabase({ url: test.url, poolSize: 1, silenceSeconds: 1 });
    const holds = Promise.withResolvers<void>();
    const goesOn = Promise.withResolvers<void>();
    const stopped = frozen.transaction(async (tx) => {
      await tx.execute('UPDATE item SET amount = 7 WHERE id = 1');
      holds.resolve();
      await goesOn.promise;
      await tx.execute('UPDATE item SET amount = 7 WHERE id = 2');
    });
    try {
      await holds.promise;
      // A try waits for the row for 5 s; a machine that stands still for so long may let the first one run out.
      const take = () => test.database.execute('UPDATE item SET amount = 9 WHERE id = 1');
      await take().catch((error: unknown) => (isLockTimeout(error) ? take() : Promise.reject(error)));
      goesOn.resolve();
      const error = await stopped.catch((reason: unknown) => reason);
      expect(isOutage(error)).toBe(true);
      expect(await amounts()).toEqual([9, 0]);
      await frozen.execute('UPDATE item SET amount = 8 WHERE id = 2');
      expect(await amounts()).toEqual([9, 8]);
    } finally {
      goesOn.resolve();
      await stopped.catch(() => undefined);
      await frozen.close();
    }
  });

  it('when connections are idle for longer than the server allows, then they are kept: none has to connect again', async () => {
    const idle = createDatabase({ url: test.url, poolSize: 2, silenceSeconds: 1 });
    const ids = async () => {
      const rows = await Promise.all(
        [1, 2].map(() => idle.query<{ id: number }>('SELECT CONNECTION_ID() AS id, SLEEP(0.2)')),
      );
      return rows.map(([row]) => row?.id).sort();
    };
    try {
      const before = await ids();
      const end = Date.now() + 3_500;
      await eventually(() => Date.now() > end, { timeoutMs: 5_000 });
      expect(await ids()).toEqual(before);
    } finally {
      await idle.close();
    }
  });

  it('when the server takes no writes, then they are refused as an outage, and the connection is not used again', async () => {
    const user = await readerAndWriter();
    await test.database.execute('SET GLOBAL read_only = 1');
    try {
      const id = async () => (await user.query<{ id: number }>('SELECT CONNECTION_ID() AS id'))[0]?.id;
      const before = await id();
      const alone = await user.execute('INSERT INTO item (id) VALUES (1)').catch((error: unknown) => error);
      expect([isReadOnly(alone), isOutage(alone)]).toEqual([true, true]);
      const other = await id();
      expect(other).not.toBe(before);
      const swallowed = user.transaction(async (tx) => {
        await tx.execute('INSERT INTO item (id) VALUES (1)').catch(() => undefined);
      });
      expect(isReadOnly(await swallowed.catch((error: unknown) => error))).toBe(true);
      expect(await id()).not.toBe(other);
      await test.database.execute('SET GLOBAL read_only = 0');
      await user.execute('INSERT INTO item (id) VALUES (1)');
    } finally {
      await test.database.execute('SET GLOBAL read_only = 0');
      await user.close();
    }
  });
});

describe('outages', () => {
  let gate: TcpGate;
  const lines: string[] = [];
  const logger = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });
  beforeEach(async () => {
    lines.length = 0;
    const { hostname, port } = new URL(test.url);
    gate = await openTcpGate(hostname, Number(port));
  });

  /** Runs `use` on a database behind the TCP gate. */
  async function through(use: (database: ReturnType<typeof createDatabase>) => Promise<void>): Promise<void> {
    const url = new URL(test.url);
    url.port = String(gate.port);
    const database = createDatabase({
      url: url.href,
      poolSize: 3,
      logger,
      transactionTimeoutMs: 1_000,
      silenceSeconds: 2,
    });
    try {
      await use(database);
    } finally {
      await gate.close();
      await database.close();
    }
  }

  const timed = async (work: Promise<unknown>) => {
    const start = performance.now();
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { error, ms: performance.now() - start };
  };

  it('when the database is away, then statements fail as an outage within 3 s, and work soon after its return', async () => {
    await through(async (database) => {
      await database.query('SELECT 1');
      await gate.cut();
      // The first statement may fail on the connection just cut, the second for want of a connection.
      for (let statement = 0; statement < 2; statement++) {
        const { error, ms } = await timed(database.query('SELECT 1'));
        expect(isOutage(error)).toBe(true);
        expect(ms).toBeLessThan(3_500);
      }
      await gate.open();
      await eventually(() => database.query('SELECT 1').catch(() => undefined), { timeoutMs: 4_000 });
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
        'database is away',
        'database is back',
      ]);
    });
  });

  it('when the database hangs, then the time limit cuts a transaction off, and the next one works again', async () => {
    await through(async (database) => {
      const { error, ms } = await timed(
        database.transaction(async (tx) => {
          await tx.query('SELECT 1');
          gate.silence();
          await tx.query('SELECT 2');
        }),
      );
      expect(isOutage(error)).toBe(true);
      expect(error).not.toBeInstanceOf(CommitOutcomeUnknownError);
      expect(ms).toBeLessThan(2_000);
      await gate.open();
      await eventually(() => database.query('SELECT 1').catch(() => undefined), { timeoutMs: 10_000 });
    });
  });

  it('when packets are swallowed, then reads past the gate end too, and all works soon after packets flow again', async () => {
    await through(async (database) => {
      const ask = () => database.pool.execute('SELECT 1');
      await Promise.all([1, 2, 3].map(ask));
      gate.silence();
      // As Prisma asks: the driver's pool itself, all its connections.
      const stuck = await Promise.all([1, 2, 3].map(() => timed(ask())));
      for (const { error, ms } of stuck) {
        expect(isOutage(error)).toBe(true);
        expect(ms).toBeLessThan(10_000);
      }
      await gate.open();
      await eventually(() => database.query('SELECT 1').catch(() => undefined), { timeoutMs: 5_000 });
      await Promise.all([1, 2, 3].map(ask));
    });
  });

  it('when the connection dies during COMMIT, then the outcome is unknown, hooks do not run and the work is not repeated', async () => {
    await through(async (database) => {
      let attempts = 0;
      let hooks = 0;
      const { error } = await timed(
        database.transaction(async (tx) => {
          attempts++;
          tx.onCommit(() => hooks++);
          await tx.execute('INSERT INTO item (id) VALUES (1)');
          gate.silence();
          setTimeout(() => void gate.cut(), 50);
        }),
      );
      expect(error).toBeInstanceOf(CommitOutcomeUnknownError);
      expect(isOutage(error)).toBe(true);
      expect([attempts, hooks]).toEqual([1, 0]);
    });
  });
});
