import { jest } from '@jest/globals';
import { MemoryTransaction, type Table } from '../simulation/memory-database.ts';

const { prototype } = MemoryTransaction;
const { get, insertIgnore, lock, put, rollback } = prototype;

type AnyTable = Table<unknown>;
type Insert = (tx: MemoryTransaction, table: AnyTable, key: string, row: unknown) => Promise<boolean>;
type Lock = (tx: MemoryTransaction, table: AnyTable, keys: Iterable<string>) => Promise<unknown[]>;

/** A fault put into the model, and the part whose scripts have to find it. */
export interface Fault {
  readonly fault: string;
  readonly part: string;
}

/** Has every INSERT of the model do this instead. */
function insertAs(insert: Insert): void {
  jest.spyOn(prototype, 'insertIgnore').mockImplementation(function (this: MemoryTransaction, ...asked: unknown[]) {
    const [table, key, row] = asked as [AnyTable, string, unknown];
    return insert(this, table, key, row);
  } as typeof prototype.insertIgnore);
}

/** Has every SELECT … FOR UPDATE of the model do this instead. */
function lockAs(take: Lock): void {
  jest.spyOn(prototype, 'lock').mockImplementation(function (this: MemoryTransaction, ...asked: unknown[]) {
    const [table, keys] = asked as [AnyTable, Iterable<string>];
    return take(this, table, keys);
  } as typeof prototype.lock);
}

const HOW: readonly (Fault & { readonly how: () => unknown })[] = [
  {
    fault: 'INSERT takes no shared lock of a row that is there',
    part: 'messaging',
    how: () =>
      insertAs(async (tx, table, key, row) => {
        if (get.call(tx, table, key) !== undefined && table.committed.has(key)) return false;
        return await insertIgnore.call(tx, table, key, row);
      }),
  },
  {
    fault: 'INSERT does not wait for a row that is not committed yet',
    part: 'messaging',
    how: () =>
      insertAs(async (tx, table, key, row) => {
        if (get.call(tx, table, key) !== undefined) return false;
        void put.call(tx, table, key, row).catch(() => undefined);
        return true;
      }),
  },
  {
    fault: 'INSERT does not look again after it has waited',
    part: 'messaging',
    how: () =>
      insertAs(async (tx, table, key, row) => {
        if (get.call(tx, table, key) !== undefined) return false;
        await put.call(tx, table, key, row);
        return true;
      }),
  },
  {
    fault: 'SELECT … FOR UPDATE reads what was committed before it waited',
    part: 'payment',
    how: () =>
      lockAs(async (tx, table, keys) => {
        const all = [...keys];
        const before = all.map((key) => get.call(tx, table, key)).filter((row) => row !== undefined);
        await lock.call(tx, table, all);
        return before;
      }),
  },
  {
    fault: 'SELECT … FOR UPDATE takes no lock',
    part: 'catalog',
    how: () =>
      lockAs(async (tx, table, keys) => {
        return [...keys].map((key) => get.call(tx, table, key)).filter((row) => row !== undefined);
      }),
  },
  {
    fault: 'a rollback keeps what was written',
    part: 'order',
    how: () =>
      jest.spyOn(prototype, 'rollback').mockImplementation(function (this: MemoryTransaction) {
        try {
          this.commit();
        } catch {
          rollback.call(this);
        }
      }),
  },
];

export const FAULTS: readonly Fault[] = HOW;

/** Breaks the model until `jest.restoreAllMocks()`. */
export function breakModel(fault: string): void {
  HOW.find((it) => it.fault === fault)?.how();
}
