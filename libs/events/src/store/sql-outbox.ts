import { type Database, insertNumbered, placeholders, type Transaction } from '@shop/chassis';
import { MAX_KEY } from './dead-letter.ts';
import type { MessagingStore, NumberedRow, OutboxRow } from './messaging-store.ts';
import { toCondition } from './outbox-part.ts';

/** The outbox of a service's own schema. */
export interface SqlOutbox extends Pick<MessagingStore<Transaction>, 'appendOutbox' | 'readOutbox' | 'deleteOutbox'> {
  /** Rows waiting (counted up to 10,000) and when the oldest was written. */
  outboxBacklog(): Promise<{ rows: number; oldest: Date | undefined }>;
}

/** A missing key or value, which only mirrors of unreadable records have, is stored as empty. */
const EMPTY = Buffer.alloc(0);

// One function: it is a list of SQL statements, a method each.
export function createSqlOutbox(database: Database): SqlOutbox {
  /**
   * The server's auto-increment step, asked until answered. A group replication, for example, counts in larger steps.
   */
  let steps: number | undefined;
  async function countsByOne(tx: Transaction): Promise<boolean> {
    if (steps === undefined) {
      const [row] = await tx.query<{ steps: number }>('SELECT @@auto_increment_increment AS steps');
      steps = row?.steps ?? 0;
    }
    return steps === 1;
  }

  return {
    async appendOutbox(tx, rows) {
      const now = database.clock.date();
      const columns = ['id', 'aggregatetype', 'aggregateid', 'type', 'payload', 'headers', 'created_at'];
      const values = rows.map((row) => [
        row.id,
        row.topic,
        (row.key ?? '').slice(0, MAX_KEY),
        row.type,
        row.payload ?? EMPTY,
        JSON.stringify(row.headers),
        now,
      ]);
      const seqs = await insertNumbered(tx, 'outbox', columns, values);
      if (!(await countsByOne(tx))) return undefined;
      return rows.map((row, index) => asRead(row, seqs[index] ?? 0));
    },

    async readOutbox(limit, choice = {}) {
      const { sql, params } = toCondition(choice);
      const rows = await database.query<OutboxRecord>(
        `SELECT seq, id, aggregatetype, aggregateid, type, payload, headers FROM outbox WHERE ${sql} ORDER BY seq LIMIT ?`,
        [...params, limit],
      );
      return rows.map((row) => ({
        seq: row.seq,
        id: row.id,
        topic: row.aggregatetype,
        key: row.aggregateid || null,
        type: row.type,
        payload: row.payload.length > 0 ? row.payload : null,
        headers: JSON.parse(row.headers) as Record<string, string>,
      }));
    },

    async deleteOutbox(rows) {
      if (rows.length === 0) return;
      const list = placeholders(rows.length);
      // The ids are a second safeguard: a wrongly computed number must never remove another event.
      await database.execute(`DELETE FROM outbox WHERE seq IN (${list}) AND id IN (${list})`, [
        ...rows.map((row) => row.seq),
        ...rows.map((row) => row.id),
      ]);
    },

    async outboxBacklog() {
      const [count] = await database.query<{ n: number }>(
        'SELECT COUNT(*) AS n FROM (SELECT 1 FROM outbox LIMIT 10000) AS waiting',
      );
      const [oldest] = await database.query<{ created_at: Date }>('SELECT created_at FROM outbox ORDER BY seq LIMIT 1');
      return { rows: count?.n ?? 0, oldest: oldest?.created_at };
    },
  };
}

/** A row just written, as `readOutbox` would return it. */
function asRead(row: OutboxRow, seq: number): NumberedRow {
  const { id, topic, key, type, payload, headers } = row;
  const stored = (key ?? '').slice(0, MAX_KEY);
  return {
    ...{ seq, id, topic, type, headers },
    key: stored || null,
    payload: payload && payload.length > 0 ? payload : null,
  };
}

interface OutboxRecord {
  seq: number;
  id: string;
  aggregatetype: string;
  aggregateid: string;
  type: string;
  payload: Buffer;
  headers: string;
}
