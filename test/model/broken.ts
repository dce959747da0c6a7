import { jest } from '@jest/globals';
import { MemoryTransaction, type Table } from '../simulation/memory-database.ts';

const { prototype } = MemoryTransaction;
const { get, insertIgnore, lock, put, rollback } = prototype;

type Insert = typeof prototype.insertIgnore;
type Lock = typeof prototype.lock;
type AnyTable = Table<unknown>;

/** A fault put into the model, and the part whose scripts have to find it. */
export interface Fault {
  readonly fault: string;
  readonly part: string;
}

const HOW: readonly (Fault & { readonly how: () => unknown })[] = [
  {
    fault: 'INSERT takes no shared lock of a row that is there',
    part: 'messaging',
    how: () =>
      jest.spyOn(prototype, 'insertIgnore').mockImplementation(async function (
        this: MemoryTransaction,
        table: AnyTable,
        key: string,
        row: unknown,
      ) {
        if (get.call(this, table, key) !== undefined && table.committed.has(key)) return false;
        return await insertIgnore.call(this, table, key, row);
      } as Insert),
  },
  {
    fault: 'INSERT does not wait for a row that is not committed yet',
    part: 'messaging',
    how: () =>
      jest.spyOn(prototype, 'insertIgnore').mockImplementation(async function (
        this: MemoryTransaction,
        table: AnyTable,
        key: string,
        row: unknown,
      ) {
        if (get.call(this, table, key) !== undefined) return false;
        void put.call(this, table, key, row).catch(() => undefined);
        return true;
      } as Insert),
  },
  {
    fault: 'INSERT does not look again after it has waited',
    part: 'messaging',
    how: () =>
      jest.spyOn(prototype, 'insertIgnore').mockImplementation(async function (
        this: MemoryTransaction,
        table: AnyTable,
        key: string,
        row: unknown,
      ) {
        if (get.call(this, table, key) !== undefined) return false;
        await put.call(this, table, key, row);
        return true;
      } as Insert),
  },
  {
    fault: 'SELECT … FOR UPDATE reads what was committed before it waited',
    part: 'payment',
    how: () =>
      jest.spyOn(prototype, 'lock').mockImplementation(async function (
        this: MemoryTransaction,
        table: AnyTable,
        keys: Iterable<string>,
      ) {
        const all = [...keys];
        const before = all.map((key) => get.call(this, table, key)).filter((row) => row !== undefined);
        await lock.call(this, table, all);
        return before;
      } as Lock),
  },
  {
    fault: 'SELECT … FOR UPDATE takes no lock',
    part: 'catalog',
    how: () =>
      jest.spyOn(prototype, 'lock').mockImplementation(async function (
        this: MemoryTransaction,
        table: AnyTable,
        keys: Iterable<string>,
      ) {
        return [...keys].map((key) => get.call(this, table, key)).filter((row) => row !== undefined);
      } as Lock),
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
