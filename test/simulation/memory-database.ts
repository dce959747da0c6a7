import {
  CommitOutcomeUnknownError,
  type Database,
  DatabaseUnavailableError,
  isDeadlock,
  type SqlExecutor,
  type SqlValue,
  type Transaction,
} from '@shop/chassis';
import type { Actor, Scheduler } from './scheduler.ts';

/** A table: its committed rows by primary key. Rows are never changed in place. */
export class Table<Row> {
  readonly name: string;
  readonly committed = new Map<string, Row>();

  constructor(name: string) {
    this.name = name;
  }
}

/** MySQL's 1213: the transaction was rolled back because it and another waited for each other. */
class SimulatedDeadlock extends Error {
  readonly errno = 1213;
  readonly sqlState = '40001';
  readonly code = 'ER_LOCK_DEADLOCK';
  override name = 'SimulatedDeadlock';
}

/** MySQL's 1062. */
class SimulatedDuplicateKey extends Error {
  readonly errno = 1062;
  readonly sqlState = '23000';
  readonly code = 'ER_DUP_ENTRY';
  override name = 'SimulatedDuplicateKey';
}

/** A statement without an equivalent in the simulation. A change of such a statement must be added here. */
export class UnknownStatement extends Error {
  override name = 'UnknownStatement';

  constructor(sql: string) {
    super(`the simulation does not know this statement: ${sql.replace(/\s+/g, ' ').trim()}`);
  }
}

/** Faults of the connection, drawn at every opportunity. */
export interface DatabaseFaults {
  /** The connection breaks with this statement: the statement and the transaction fail. */
  connectionBreaks(): boolean;
  /** The connection breaks after the commit, before its answer. */
  commitAnswerIsLost(): boolean;
}

interface Lock {
  holder: MemoryTransaction;
  readonly waiting: { readonly tx: MemoryTransaction; readonly granted: () => void }[];
}

/**
 * One service's schema: row locks, READ COMMITTED, deadlock detection, rollback when the client dies. All instances of
 * a service open their transactions here, so that two of them meet on rows as in MySQL.
 */
export class MemoryDatabase {
  readonly schema: string;
  readonly scheduler: Scheduler;
  readonly locks = new Map<string, Lock>();
  readonly open = new Set<MemoryTransaction>();
  /** Statements that end a run at once, even if the code catches their error. */
  readonly unknownStatements: UnknownStatement[] = [];
  readonly faults: DatabaseFaults;
  /** Executes the few statements that are run as SQL. */
  readonly sql: ((tx: MemoryTransaction, text: string) => SqlExecutor) | undefined;
  #lastId = 0;

  constructor(
    schema: string,
    scheduler: Scheduler,
    faults: DatabaseFaults,
    sql?: (tx: MemoryTransaction, text: string) => SqlExecutor,
  ) {
    this.schema = schema;
    this.scheduler = scheduler;
    this.faults = faults;
    this.sql = sql;
  }

  /** AUTO_INCREMENT: drawn when the row is written, not when it commits; a rolled-back number leaves a gap. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Commits the changes of `work` or rolls them back; deadlocks are retried, as in the real transactor. */
  async transaction<T>(actor: Actor, work: (tx: MemoryTransaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const tx = new MemoryTransaction(this, actor);
      this.open.add(tx);
      try {
        await this.scheduler.step(actor, `${this.schema}: begin`);
        const result = await work(tx);
        await this.scheduler.step(actor, `${this.schema}: commit`);
        tx.commit();
        if (this.faults.commitAnswerIsLost()) throw new CommitOutcomeUnknownError('the answer to COMMIT is lost');
        // The answer takes time: another transaction may use these rows and be answered first.
        await this.scheduler.step(actor, `${this.schema}: committed`);
        for (const hook of tx.hooks) hook();
        return result;
      } catch (error) {
        tx.rollback();
        if (error instanceof UnknownStatement) this.unknownStatements.push(error);
        if (!isDeadlock(error) || attempt === 5) throw error;
      }
    }
  }

  /** The database for code written in SQL. */
  asSql(actor: Actor): Database {
    const unknown = () => {
      throw new Error('not in the simulation');
    };
    return {
      schema: this.schema,
      clock: { now: () => this.scheduler.now, date: () => new Date(this.scheduler.now) },
      query: (sql, params) => this.transaction(actor, (tx) => tx.query(sql, params)),
      execute: (sql, params) => this.transaction(actor, (tx) => tx.execute(sql, params)),
      transaction: (work) => this.transaction(actor, work),
      dedicatedConnection: unknown,
      close: unknown,
    };
  }

  /** The server's reaction to a broken connection: it rolls the client's open transactions back. */
  disconnect(actor: Actor): void {
    for (const tx of this.open) if (tx.actor === actor) tx.rollback();
  }
}

/** A transaction on the tables. It knows only the SQL that `MemoryDatabase.sql` knows. */
export class MemoryTransaction implements Transaction {
  readonly actor: Actor;
  readonly hooks: (() => void)[] = [];
  readonly #database: MemoryDatabase;
  readonly #written = new Map<Table<unknown>, Map<string, unknown>>();
  readonly #held = new Set<string>();
  #waitingFor: Lock | undefined;
  #ended = false;

  constructor(database: MemoryDatabase, actor: Actor) {
    this.#database = database;
    this.actor = actor;
  }

  onCommit(hook: () => void): void {
    this.hooks.push(hook);
  }

  query<Row>(sql: string, params?: readonly SqlValue[]): Promise<Row[]> {
    return this.#sql(sql).query<Row>(sql, params);
  }

  execute(sql: string, params?: readonly SqlValue[]): Promise<{ affectedRows: number; insertId: number }> {
    return this.#sql(sql).execute(sql, params);
  }

  #sql(text: string): SqlExecutor {
    const sql = this.#database.sql?.(this, text);
    if (!sql) throw new Error(`${this.#database.schema} knows no SQL`);
    return sql;
  }

  /** Stands for a statement's way to the server: all other actors may act meanwhile. */
  async statement(label: string): Promise<void> {
    await this.#database.scheduler.step(this.actor, `${this.#database.schema}: ${label}`);
    if (this.#ended) throw new Error(`${this.#database.schema}: ${label} after the end of its transaction`);
    if (!this.#database.faults.connectionBreaks()) return;
    this.rollback();
    throw new DatabaseUnavailableError('the connection broke');
  }

  nextId(): number {
    return this.#database.nextId();
  }

  /** A plain SELECT: committed rows, and this transaction's own writes. */
  get<Row>(table: Table<Row>, key: string): Row | undefined {
    const own = this.#written.get(table);
    return own?.has(key) ? (own.get(key) as Row | undefined) : table.committed.get(key);
  }

  scan<Row>(table: Table<Row>): Row[] {
    const own = this.#written.get(table) as Map<string, Row | undefined> | undefined;
    const rows: Row[] = [];
    for (const [key, row] of table.committed) if (!own?.has(key)) rows.push(row);
    for (const row of own?.values() ?? []) if (row !== undefined) rows.push(row);
    return rows;
  }

  /**
   * SELECT … FOR UPDATE by primary key, in the given order. Absent rows are not locked (READ COMMITTED has no gap
   * locks), but a row that another transaction has just inserted is waited for.
   */
  async lock<Row>(table: Table<Row>, keys: Iterable<string>): Promise<Row[]> {
    const rows: Row[] = [];
    for (const key of keys) {
      if (this.get(table, key) === undefined && !this.#isTaken(table, key)) continue;
      const isNew = await this.#acquire(lockName(table, key));
      const row = this.get(table, key);
      if (row !== undefined) rows.push(row);
      else if (isNew) this.#release(lockName(table, key));
    }
    return rows;
  }

  /** SELECT … FOR UPDATE SKIP LOCKED: up to `limit` rows of `keys` that no other transaction has locked. */
  async lockFree<Row>(table: Table<Row>, keys: Iterable<string>, limit: number): Promise<Row[]> {
    const rows: Row[] = [];
    for (const key of keys) {
      if (rows.length >= limit) break;
      if (!this.#isTaken(table, key)) rows.push(...(await this.lock(table, [key])));
    }
    return rows;
  }

  /** Writes a row (undefined deletes it), waiting for its lock if another transaction holds it. */
  async put<Row>(table: Table<Row>, key: string, row: Row | undefined): Promise<void> {
    await this.#acquire(lockName(table, key));
    let own = this.#written.get(table);
    if (!own) {
      own = new Map();
      this.#written.set(table, own);
    }
    own.set(key, row);
  }

  /** INSERT IGNORE: false if the row exists already. Waits for a transaction that is inserting the same row. */
  async insertIgnore<Row>(table: Table<Row>, key: string, row: Row): Promise<boolean> {
    await this.#acquire(lockName(table, key));
    if (this.get(table, key) !== undefined) return false;
    await this.put(table, key, row);
    return true;
  }

  /** INSERT. */
  async insert<Row>(table: Table<Row>, key: string, row: Row): Promise<void> {
    if (await this.insertIgnore(table, key, row)) return;
    throw new SimulatedDuplicateKey(`duplicate entry '${key}' for ${table.name}`);
  }

  commit(): void {
    if (this.#ended) throw new Error('commit after the end of the transaction');
    for (const [table, rows] of this.#written) {
      for (const [key, row] of rows) {
        if (row === undefined) table.committed.delete(key);
        else table.committed.set(key, row);
      }
    }
    this.#end();
  }

  rollback(): void {
    if (!this.#ended) this.#end();
  }

  #isTaken(table: Named, key: string): boolean {
    const name = lockName(table, key);
    return this.#database.locks.has(name) && !this.#held.has(name);
  }

  /** @returns whether the lock was newly taken */
  async #acquire(name: string): Promise<boolean> {
    if (this.#ended) throw new Error(`lock of ${name} after the end of the transaction`);
    if (this.#held.has(name)) return false;
    const { locks, scheduler, schema } = this.#database;
    const lock = locks.get(name);
    if (!lock) {
      locks.set(name, { holder: this, waiting: [] });
      this.#held.add(name);
      return true;
    }
    if (leadsTo(lock, this)) {
      scheduler.note(this.actor, `${schema}: deadlock on ${name}`);
      this.rollback();
      throw new SimulatedDeadlock(`deadlock on ${name}`);
    }
    this.#waitingFor = lock;
    await new Promise<void>((granted) => lock.waiting.push({ tx: this, granted }));
    await scheduler.step(this.actor, `${schema}: got the lock of ${name}`);
    return true;
  }

  #release(name: string): void {
    this.#held.delete(name);
    const { locks } = this.#database;
    const lock = locks.get(name);
    const next = lock?.waiting.shift();
    if (!lock || !next) {
      locks.delete(name);
      return;
    }
    lock.holder = next.tx;
    next.tx.#waitingFor = undefined;
    next.tx.#held.add(name);
    next.granted();
  }

  #end(): void {
    this.#ended = true;
    this.#database.open.delete(this);
    if (this.#waitingFor) {
      const place = this.#waitingFor.waiting.findIndex((waiter) => waiter.tx === this);
      if (place >= 0) this.#waitingFor.waiting.splice(place, 1);
    }
    for (const name of [...this.#held]) this.#release(name);
  }

  /** Whether the holder of `lock` waits, directly or through others, for `tx`. */
  static waitsFor(lock: Lock, tx: MemoryTransaction): boolean {
    for (let at: Lock | undefined = lock; at; at = at.holder.#waitingFor) if (at.holder === tx) return true;
    return false;
  }
}

const leadsTo = (lock: Lock, tx: MemoryTransaction): boolean => MemoryTransaction.waitsFor(lock, tx);

type Named = { readonly name: string };
const lockName = (table: Named, key: string): string => `${table.name}/${key}`;

/** Use cases typed for SQL get transactions in memory here. */
export function inMemory(tx: Transaction): MemoryTransaction {
  if (tx instanceof MemoryTransaction) return tx;
  throw new Error('not a transaction of the simulation');
}
