import { randomUUID } from 'node:crypto';
import { type Database, insertRows, placeholders, type Transaction } from '@shop/chassis';
import type { MessagingStore } from './messaging-store.ts';

/** The inbox of a service's own schema: the ids of the events that its groups have applied. */
export function createSqlInbox(
  database: Database,
): Pick<MessagingStore<Transaction>, 'claim' | 'applied' | 'hasApplied'> {
  return {
    async claim(tx, group, eventIds, now) {
      const token = randomUUID();
      const rows = eventIds.map((id) => [group, id, token, now]);
      const columns = ['consumer_group', 'event_id', 'claim', 'processed_at'];
      // INSERT waits where another transaction has just inserted the same id: the id is ours only if that one rolls
      // back.
      const inserted = await insertRows(tx, 'processed_event', columns, rows, { ignore: true });
      if (inserted === eventIds.length) return new Set(eventIds);
      if (inserted === 0) return new Set();
      // Not every id was new. Our token tells ours: a zombie and its successor may claim the same batch.
      const mine = await tx.query<{ event_id: string }>(
        `SELECT event_id FROM processed_event WHERE consumer_group = ? AND event_id IN (${placeholders(eventIds.length)}) AND claim = ?`,
        [group, ...eventIds, token],
      );
      return new Set(mine.map((row) => row.event_id));
    },

    async applied(tx, group, eventIds) {
      if (eventIds.length === 0) return new Set();
      const rows = await tx.query<{ event_id: string }>(
        `SELECT event_id FROM processed_event WHERE consumer_group = ? AND event_id IN (${placeholders(eventIds.length)})`,
        [group, ...eventIds],
      );
      return new Set(rows.map((row) => row.event_id));
    },

    async hasApplied(group) {
      const any = await database.query('SELECT 1 FROM processed_event WHERE consumer_group = ? LIMIT 1', [group]);
      return any.length > 0;
    },
  };
}
