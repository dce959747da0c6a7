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

/** What the database asks of the scheduler. */
type Steps = Pick<Scheduler, 'now' | 'step' | 'note'>;

/** A table: its committed rows by primary key. Rows are never changed in place. */
export class Table<Row> {
  readonly name: string;
  /** Its key is no primary key: who finds a duplicate of it locks the gap before it too. */
  readonly locksGaps: boolean;
  readonly committed = new Map<string, Row>();

  constructor(name: string, { locksGaps = false } = {}) {
    this.name = name;
    this.locksGaps = locksGaps;
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
  /** Picks one of `count` (from 0) where the server is free: which of several waiters goes first, who loses. */
  choose(count: number): number;
}

/** SHARED: an INSERT that finds its key looks at a row so. EXCLUSIVE: everything else. */
type Mode = 'SHARED' | 'EXCLUSIVE';

/** GONE: its row was waited for, and is not there any more, since its inserter rolled back. Nothing is locked. */
type Taken = 'NEW' | 'HELD' | 'GONE';

interface Waiter {
  readonly tx: MemoryTransaction;
  readonly mode: Mode;
  /** It is an INSERT's. */
  readonly inserts: boolean;
  readonly granted: () => void;
  readonly refused: (error: Error) => void;
}

interface Lock {
  readonly name: string;
  readonly holders: Map<MemoryTransaction, Mode>;
  /** In the order in which they came. */
  waiting: Waiter[];
}

/** The transactions that a wish for the lock has to wait for: holders, or else those that wait since before. */
function blockersOf(lock: Lock, tx: MemoryTransaction, mode: Mode): MemoryTransaction[] {
  const conflicts = (it: { readonly tx: MemoryTransaction; readonly mode: Mode }) =>
    it.tx !== tx && (mode === 'EXCLUSIVE' || it.mode === 'EXCLUSIVE');
  const holders = [...lock.holders].map(([holder, held]) => ({ tx: holder, mode: held })).filter(conflicts);
  if (holders.length > 0) return holders.map((it) => it.tx);
  const place = lock.waiting.findIndex((it) => it.tx === tx);
  const held = lock.holders.get(tx);
  // Who raises a lock passes those that wait for that very lock: behind them it would wait for itself.
  const waitsForTx = (it: Waiter) => held !== undefined && (held === 'EXCLUSIVE' || it.mode === 'EXCLUSIVE');
  const ahead = (place < 0 ? lock.waiting : lock.waiting.slice(0, place)).filter((it) => !waitsForTx(it));
  // Once nobody holds it, the server picks who of those that wait comes next.
  return ahead.filter((it) => conflicts(it) && blockersOf(lock, it.tx, it.mode).length > 0).map((it) => it.tx);
}

/**
 * One service's schema: row locks, READ COMMITTED, deadlock detection, rollback when the client dies. All instances of
 * a service open their transactions here, so that two of them meet on rows as in MySQL.
 */
export class MemoryDatabase {
  readonly schema: string;
  readonly scheduler: Steps;
  readonly locks = new Map<string, Lock>();
  /** Table → the transactions that have locked a gap of it. */
  readonly gaps = new Map<string, Set<MemoryTransaction>>();
  readonly open = new Set<MemoryTransaction>();
  /** Statements that end a run at once, even if the code catches their error. */
  readonly unknownStatements: UnknownStatement[] = [];
  readonly faults: DatabaseFaults;
  /** Executes the few statements that are run as SQL. */
  readonly sql: ((tx: MemoryTransaction, text: string) => SqlExecutor) | undefined;
  #lastId = 0;
  #lastTransaction = 0;

  constructor(
    schema: string,
    scheduler: Steps,
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

  nextTransaction(): number {
    return ++this.#lastTransaction;
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
  /** Of all transactions of the database, counted from 1. */
  readonly number: number;
  readonly hooks: (() => void)[] = [];
  readonly #database: MemoryDatabase;
  readonly #written = new Map<Table<unknown>, Map<string, unknown>>();
  readonly #held = new Set<string>();
  /** Held locks of rows that were found deleted: the server keeps them at times, until the row is removed for good. */
  readonly #ofDeleted = new Set<string>();
  #waitingFor: Lock | undefined;
  #ended = false;

  constructor(database: MemoryDatabase, actor: Actor) {
    this.#database = database;
    this.actor = actor;
    this.number = database.nextTransaction();
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
    for (const tx of this.#database.open) tx.#purge();
    if (!this.#database.faults.connectionBreaks()) return;
    this.rollback();
    throw new DatabaseUnavailableError('the connection broke');
  }

  /** Rows that were deleted are removed for good at some time after, and their locks with them. */
  #purge(): void {
    for (const name of this.#ofDeleted) if (this.#database.faults.choose(2) === 1) this.#release(name);
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
   * @param matches the rest of the condition: a row that does not match is waited for too, and not kept
   */
  async lock<Row>(
    table: Table<Row>,
    keys: Iterable<string>,
    matches: (row: Row) => boolean = () => true,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    for (const key of keys) {
      const before = this.#database.locks.get(lockName(table, key))?.holders.get(this);
      let taken: Taken = 'GONE';
      // A row that went with its inserter may have been inserted by another one since.
      while (taken === 'GONE' && (this.get(table, key) !== undefined || this.#isTaken(table, key)))
        taken = await this.#acquire(lockName(table, key));
      const row = taken === 'GONE' ? undefined : this.get(table, key);
      if (row !== undefined && matches(row)) rows.push(row);
      else if (row !== undefined) this.#giveBack(lockName(table, key), before);
      else if (taken === 'NEW' && this.#database.faults.choose(2) === 0) this.#release(lockName(table, key));
      else if (taken === 'NEW') this.#ofDeleted.add(lockName(table, key));
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
    // Like a lock, a DELETE finds nothing to lock where there is no row.
    if (row === undefined && this.get(table, key) === undefined && !this.#isTaken(table, key)) return;
    await this.#own(lockName(table, key));
    this.#ofDeleted.delete(lockName(table, key));
    let own = this.#written.get(table);
    if (!own) {
      own = new Map();
      this.#written.set(table, own);
    }
    own.set(key, row);
  }

  /** INSERT … ON DUPLICATE KEY UPDATE. @param change the row from the one that is there; undefined: none is */
  async upsert<Row>(table: Table<Row>, key: string, change: (row: Row | undefined) => Row): Promise<Row> {
    const asked = new Set<MemoryTransaction>();
    while (!this.#isThere(table, key) && (await this.#waitForGap(table, asked)));
    await this.#own(lockName(table, key), true);
    const row = change(this.get(table, key));
    await this.put(table, key, row);
    return row;
  }

  /**
   * INSERT IGNORE: false if the row exists already. It waits for a transaction that has inserted or deleted the row,
   * and keeps a shared lock of a row that is there: others may look at it so at the same time.
   */
  async insertIgnore<Row>(table: Table<Row>, key: string, row: Row): Promise<boolean> {
    const asked = new Set<MemoryTransaction>();
    for (;;) {
      if (!this.#isThere(table, key)) {
        if (await this.#waitForGap(table, asked)) continue;
        break;
      }
      const taken = await this.#acquire(lockName(table, key), 'SHARED');
      if (taken === 'GONE') continue;
      if (table.locksGaps) this.#lockGap(table);
      if (this.get(table, key) !== undefined) return false;
      // A deleted row is written over, which its shared lock does not allow: `put` raises it.
      break;
    }
    await this.put(table, key, row);
    return true;
  }

  /** Whether there is a row with this key, in whatever state: committed, not committed yet, or deleted just now. */
  #isThere(table: Table<unknown>, key: string): boolean {
    return this.get(table, key) !== undefined || table.committed.has(key) || this.#isTaken(table, key);
  }

  /**
   * Keeps others from inserting near a row. READ COMMITTED does so too, to keep a duplicate what it is: when a row that
   * was waited for goes with its inserter, and at a duplicate in a key that is not the primary one.
   */
  #lockGap(table: Named): void {
    const { gaps, locks } = this.#database;
    const holders = gaps.get(table.name) ?? new Set();
    gaps.set(table.name, holders.add(this));
    const name = gapName(table, this);
    const lock = locks.get(name) ?? { name, holders: new Map(), waiting: [] };
    locks.set(name, lock);
    this.#grant(lock, 'SHARED');
  }

  /**
   * Before a row is inserted: waits for those that have locked a gap of the table, each or not. How far their gaps
   * reach depends on rows that are deleted but not removed yet.
   * @param asked those that were waited for, or not, before the same row; they are not asked again
   * @returns whether it has waited
   */
  async #waitForGap(table: Named, asked: Set<MemoryTransaction>): Promise<boolean> {
    const { gaps, faults } = this.#database;
    const others = [...(gaps.get(table.name) ?? [])].filter((it) => it !== this && !asked.has(it));
    for (const other of others) {
      asked.add(other);
      if (faults.choose(2) === 0) continue;
      await this.#own(gapName(table, other));
      this.#release(gapName(table, other));
      return true;
    }
    return false;
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
    if (this.#ended) return;
    for (const [table, rows] of this.#written) {
      for (const key of rows.keys()) if (!table.committed.has(key)) this.#removeRow(table, key);
    }
    this.#end();
  }

  /** An inserted row goes: who waited for its lock goes on without one, and INSERTs keep the gap that it leaves. */
  #removeRow(table: Named, key: string): void {
    const lock = this.#database.locks.get(lockName(table, key));
    if (!lock) return;
    const { waiting } = lock;
    lock.waiting = [];
    for (const { tx, inserts, granted } of waiting) {
      tx.#waitingFor = undefined;
      if (inserts) tx.#lockGap(table);
      granted();
    }
  }

  /** Whether another transaction holds the row's lock. */
  #isTaken(table: Named, key: string): boolean {
    const lock = this.#database.locks.get(lockName(table, key));
    return lock !== undefined && [...lock.holders.keys()].some((holder) => holder !== this);
  }

  /** Takes the lock for writing, of a row that may not be there. */
  async #own(name: string, inserts = false): Promise<void> {
    for (let taken: Taken = 'GONE'; taken === 'GONE'; ) taken = await this.#acquire(name, 'EXCLUSIVE', inserts);
  }

  async #acquire(name: string, mode: Mode = 'EXCLUSIVE', inserts = mode === 'SHARED'): Promise<Taken> {
    if (this.#ended) throw new Error(`lock of ${name} after the end of the transaction`);
    const { locks, scheduler, schema } = this.#database;
    const lock: Lock = locks.get(name) ?? { name, holders: new Map(), waiting: [] };
    locks.set(name, lock);
    const held = lock.holders.get(this);
    if (held === mode || held === 'EXCLUSIVE') return 'HELD';
    if (blockersOf(lock, this, mode).length === 0) {
      this.#grant(lock, mode);
      return held === undefined ? 'NEW' : 'HELD';
    }
    await new Promise<void>((granted, refused) => {
      this.#waitingFor = lock;
      lock.waiting.push({ tx: this, mode, inserts, granted, refused });
      this.#endCircle(lock);
    });
    await scheduler.step(this.actor, `${schema}: got the lock of ${name}`);
    if (this.#ended) throw new Error(`lock of ${name} after the end of the transaction`);
    if (lock.holders.get(this) !== mode) return 'GONE';
    return held === undefined ? 'NEW' : 'HELD';
  }

  #grant(lock: Lock, mode: Mode): void {
    lock.holders.set(this, mode);
    this.#held.add(lock.name);
  }

  /** Gives the lock up and hands it on. */
  #release(name: string): void {
    this.#held.delete(name);
    this.#ofDeleted.delete(name);
    const lock = this.#database.locks.get(name);
    if (!lock) return;
    lock.holders.delete(this);
    handOn(lock, this.#database);
  }

  /** Leaves the lock as it was before. */
  #giveBack(name: string, before: Mode | undefined): void {
    const lock = this.#database.locks.get(name);
    if (!lock || before === 'EXCLUSIVE') return;
    if (before === undefined) {
      this.#release(name);
      return;
    }
    lock.holders.set(this, before);
    handOn(lock, this.#database);
  }

  /** When this transaction and others wait for each other, one of them is rolled back: the server picks which. */
  #endCircle(lock: Lock): void {
    for (let circle = circleThrough(this); circle.length > 0; circle = circleThrough(this)) {
      const victim = circle[this.#database.faults.choose(circle.length)] ?? this;
      this.#database.scheduler.note(victim.actor, `${this.#database.schema}: deadlock on ${lock.name}`);
      victim.#loseDeadlock();
    }
  }

  #loseDeadlock(): void {
    const lock = this.#waitingFor;
    const waiter = lock?.waiting.find(({ tx }) => tx === this);
    this.rollback();
    waiter?.refused(new SimulatedDeadlock(`deadlock on ${lock?.name}`));
  }

  #end(): void {
    this.#ended = true;
    this.#database.open.delete(this);
    const lock = this.#waitingFor;
    this.#waitingFor = undefined;
    if (lock) {
      lock.waiting = lock.waiting.filter(({ tx }) => tx !== this);
      handOn(lock, this.#database);
    }
    for (const name of [...this.#held]) this.#release(name);
    for (const holders of this.#database.gaps.values()) holders.delete(this);
  }

  /** Grants the lock to those that wait and are blocked by nobody any more, in an order that the server picks. */
  static handOn(lock: Lock, { locks, faults }: MemoryDatabase): void {
    for (;;) {
      const free = lock.waiting.filter(({ tx, mode }) => blockersOf(lock, tx, mode).length === 0);
      const waiter = free[free.length > 1 ? faults.choose(free.length) : 0];
      if (!waiter) break;
      lock.waiting = lock.waiting.filter((it) => it !== waiter);
      waiter.tx.#waitingFor = undefined;
      waiter.tx.#grant(lock, waiter.mode);
      waiter.granted();
    }
    if (lock.holders.size === 0 && lock.waiting.length === 0) locks.delete(lock.name);
  }

  /** The transactions of a circle of waits that `tx` is in; none when there is no such circle. */
  static circleThrough(tx: MemoryTransaction): MemoryTransaction[] {
    const seen = new Set<MemoryTransaction>();
    const search = (at: MemoryTransaction): MemoryTransaction[] => {
      const lock = at.#waitingFor;
      const own = lock?.waiting.find((it) => it.tx === at);
      if (!lock || !own || seen.has(at)) return [];
      seen.add(at);
      for (const blocker of blockersOf(lock, at, own.mode)) {
        if (blocker === tx) return [at];
        const rest = search(blocker);
        if (rest.length > 0) return [at, ...rest];
      }
      return [];
    };
    return search(tx);
  }
}

const handOn = (lock: Lock, database: MemoryDatabase): void => MemoryTransaction.handOn(lock, database);
const circleThrough = (tx: MemoryTransaction): MemoryTransaction[] => MemoryTransaction.circleThrough(tx);

type Named = { readonly name: string };
const lockName = (table: Named, key: string): string => `${table.name}/${key}`;
const gapName = (table: Named, { number }: MemoryTransaction): string => `gap of ${number} in ${table.name}`;

/** Use cases typed for SQL get transactions in memory here. */
export function inMemory(tx: Transaction): MemoryTransaction {
  if (tx instanceof MemoryTransaction) return tx;
  throw new Error('not a transaction of the simulation');
}
