import type { DeadLetterEntry, MessagingStore, NumberedRow } from '@shop/events';
import { FORMER_LOG, isChosen, isSameMessage } from '../../libs/events/src/store/index.ts';
import { type MemoryDatabase, type MemoryTransaction, Table } from './memory-database.ts';
import type { Actor } from './scheduler.ts';

export interface ProcessedEvent {
  readonly group: string;
  readonly eventId: string;
}

export interface DeadLetter extends Omit<DeadLetterEntry, 'status'> {
  readonly id: number;
  readonly group: string;
  readonly status: 'DEAD' | 'PARKED' | 'REDRIVE' | 'REDRIVEN' | 'DISCARDED';
}

export interface ParkedKey {
  readonly group: string;
  readonly key: string;
  readonly topic: string;
}

export interface HandledEvent {
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly key: string;
}

/** The messaging tables of one schema, and one more of the simulation: the handlers' events, written as they commit. */
export class MessagingTables {
  readonly outbox = new Table<NumberedRow>('outbox');
  readonly processedEvents = new Table<ProcessedEvent>('processed_event');
  readonly deadLetters = new Table<DeadLetter>('dead_letter', { locksGaps: true });
  readonly parkedKeys = new Table<ParkedKey>('parked_key');
  readonly handled = new Table<HandledEvent>('handled');
}

/** The messaging store of one instance of a service. */
export function createMemoryMessagingStore(
  database: MemoryDatabase,
  tables: MessagingTables,
  actor: Actor,
): MessagingStore<MemoryTransaction> {
  const autocommit = <T>(work: (tx: MemoryTransaction) => Promise<T>) => database.transaction(actor, work);
  return {
    transaction: autocommit,

    async appendOutbox(tx, rows) {
      await tx.statement(`append ${rows.map((row) => `${row.type} ${row.key ?? ''}`).join(', ')}`);
      // Like InnoDB: the rows of one statement have consecutive numbers.
      const numbered = rows.map((row) => ({ ...row, seq: tx.nextId() }));
      for (const row of numbered) await tx.insert(tables.outbox, String(row.seq), row);
      return numbered;
    },

    async readOutbox(limit, choice = {}) {
      await database.scheduler.step(actor, `${database.schema}: read the outbox`);
      const rows = [...tables.outbox.committed.values()].filter((row) => isChosen(choice, row));
      return rows.sort((a, b) => a.seq - b.seq).slice(0, limit);
    },

    async deleteOutbox(rows) {
      await autocommit(async (tx) => {
        await tx.statement(`delete ${rows.length} from the outbox`);
        for (const { seq } of rows) await tx.put(tables.outbox, String(seq), undefined);
      });
    },

    async claim(tx, group, eventIds) {
      await tx.statement(`claim ${eventIds.length} events for ${group}`);
      const own = new Set<string>();
      for (const eventId of eventIds) {
        if (await tx.insertIgnore(tables.processedEvents, `${group}/${eventId}`, { group, eventId })) own.add(eventId);
      }
      return own;
    },

    async applied(tx, group, eventIds) {
      await tx.statement(`look for ${eventIds.length} applied events of ${group}`);
      const ids = new Set(tx.scan(tables.processedEvents).flatMap((row) => (row.group === group ? [row.eventId] : [])));
      return new Set(eventIds.filter((eventId) => ids.has(eventId)));
    },

    hasApplied: async (group) => [...tables.processedEvents.committed.values()].some((row) => row.group === group),

    async lockParkedKeys(tx, group, keys) {
      await tx.statement(`lock parked keys of ${group}`);
      // As in SQL: a key that another transaction parks is not waited for as long as no key of the group is parked.
      if (!tx.scan(tables.parkedKeys).some((row) => row.group === group)) return new Set();
      const rows = await tx.lock(tables.parkedKeys, keys.map((key) => `${group}/${key}`).sort());
      return new Set(rows.map((row) => row.key));
    },

    async writeDeadLetters(tx, group, entries, _now, parks) {
      await tx.statement(`write ${entries.length} dead letters of ${group}`);
      for (const entry of entries) {
        const { topic, key } = entry.record;
        if (!parks || entry.status !== 'DEAD' || key === null) continue;
        await tx.insertIgnore(tables.parkedKeys, `${group}/${key}`, { group, key, topic });
      }
      for (const entry of entries) {
        const position = positionOf({ group, record: entry.record });
        const [there] = await tx.lock(tables.deadLetters, [position]);
        if (!there || isSameMessage(there, entry)) continue;
        const record = { ...there.record, partition: FORMER_LOG, offset: String(there.id) };
        await tx.put(tables.deadLetters, position, undefined);
        await tx.put(tables.deadLetters, positionOf({ group, record }), { ...there, record });
      }
      const fresh: DeadLetterEntry[] = [];
      for (const entry of entries) {
        const letter = { ...entry, id: tx.nextId(), group };
        if (await tx.insertIgnore(tables.deadLetters, positionOf(letter), letter)) fresh.push(entry);
      }
      return fresh;
    },

    async lettered(tx, group, entries) {
      await tx.statement(`look for ${entries.length} dead letters of ${group}`);
      const letters = new Map(tx.scan(tables.deadLetters).map((letter) => [positionOf(letter), letter]));
      return entries.filter((entry) => {
        const letter = letters.get(positionOf({ group, record: entry.record }));
        return letter !== undefined && isSameMessage(letter, entry);
      });
    },

    // No operator gives a permit here.
    findPermit: async () => undefined,
    usePermit: async () => false,
  };
}

export function positionOf({ group, record }: Pick<DeadLetter, 'group' | 'record'>): string {
  return `${group}/${record.topic}/${record.partition}/${record.offset}`;
}
