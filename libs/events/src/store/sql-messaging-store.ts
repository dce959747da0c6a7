import { randomUUID } from 'node:crypto';
import { type Database, insertNumbered, insertRows, placeholders, type Transaction } from '@shop/chassis';
import { canPark, MAX_KEY } from './dead-letter.ts';
import { clearPositions } from './former-log.ts';
import type { DeadLetterEntry, MessagingStore, NumberedRow, OutboxRow, SetAsidePermit } from './messaging-store.ts';
import { toCondition } from './outbox-part.ts';

/** The messaging tables (sql/messaging.sql) of a service's own schema. */
export interface SqlMessagingStore extends MessagingStore<Transaction> {
  /** Rows waiting (counted up to 10,000) and when the oldest was written. */
  outboxBacklog(): Promise<{ rows: number; oldest: Date | undefined }>;
}

/** Limit of headers as JSON, bytes; the column in `dead_letter` is a TEXT of 65,535 bytes. */
const MAX_HEADER_BYTES = 60_000;
/** A missing key or value, which only mirrors of unreadable records have, is stored as empty. */
const EMPTY = Buffer.alloc(0);

// One function: it is a list of SQL statements, a method each, and apart they would share only the transaction.
export function createSqlMessagingStore(database: Database): SqlMessagingStore {
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
    transaction: (work) => database.transaction(work),

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

    async lockParkedKeys(tx, group, keys) {
      if (keys.length === 0) return new Set();
      // Nearly always nothing is parked. A key that another transaction parks without having committed is not seen:
      // this batch counts as earlier than that dead letter. A key being released is still seen, and is waited for
      // below.
      const any = await tx.query('SELECT 1 FROM parked_key WHERE consumer_group = ? LIMIT 1', [group]);
      if (any.length === 0) return new Set();
      // Pairs, and a column outside of the key, leave the server no other plan than to look each key up. Otherwise it
      // reads a small table through, and waits for other keys' locks.
      const parked = await tx.query<{ message_key: string }>(
        `SELECT message_key, topic FROM parked_key FORCE INDEX (PRIMARY)
          WHERE (consumer_group, message_key) IN (${keys.map(() => '(?,?)').join(',')}) ORDER BY message_key FOR UPDATE`,
        keys.flatMap((key) => [group, key]),
      );
      return new Set(parked.map((row) => row.message_key));
    },

    async writeDeadLetters(tx, group, entries, now, parks) {
      const parked = entries.flatMap(({ status, record }) =>
        parks && status === 'DEAD' && canPark(record.key) ? [[group, record.key, record.topic, now]] : [],
      );
      const parkedColumns = ['consumer_group', 'message_key', 'topic', 'parked_at'];
      if (parked.length > 0) await insertRows(tx, 'parked_key', parkedColumns, parked, { ignore: true });
      // First, and not only for rows that were ignored: letters of a key are numbered in their order.
      await clearPositions(tx, group, entries);
      // IGNORE: a repeated message must not undo what an operator has since done with its row.
      const values = entries.map((entry) => letterValues(group, entry, now));
      await insertRows(tx, 'dead_letter', LETTER_COLUMNS, values, { ignore: true });
    },

    async findPermit(group, { topic, partition }, now) {
      const [permit] = await database.query<SetAsidePermit>(
        `SELECT id, most - used AS \`left\` FROM set_aside_permit
          WHERE consumer_group = ? AND expires_at > ? AND used < most
            AND (topic IS NULL OR topic = ?) AND (\`partition\` IS NULL OR \`partition\` = ?) ORDER BY id DESC LIMIT 1`,
        [group, now, topic, partition],
      );
      return permit;
    },

    async usePermit(tx, { id }, letters, now) {
      const { affectedRows } = await tx.execute(
        'UPDATE set_aside_permit SET used = used + ? WHERE id = ? AND used + ? <= most AND expires_at > ?',
        [letters, id, letters, now],
      );
      return affectedRows === 1;
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

/** Columns of `dead_letter`; their values: `letterValues`. */
export const LETTER_COLUMNS = [
  'consumer_group',
  'topic',
  '`partition`',
  '`offset`',
  'message_key',
  'status',
  'event_id',
  'event_type',
  'reason',
  'error',
  'attempts',
  'payload',
  'headers',
  'failed_at',
];

export function letterValues(
  group: string,
  entry: Omit<DeadLetterEntry, 'status'> & { readonly status: string },
  now: Date,
) {
  const { record } = entry;
  const headers = JSON.stringify(record.headers);
  const headerBytes = Buffer.byteLength(headers);
  return [
    group,
    record.topic,
    record.partition,
    record.offset,
    record.key?.slice(0, MAX_KEY) ?? null,
    entry.status,
    entry.eventId,
    entry.eventType,
    entry.reason,
    entry.error,
    entry.attempts,
    record.value,
    headerBytes <= MAX_HEADER_BYTES ? headers : JSON.stringify({ omitted: `${headerBytes} bytes of headers` }),
    now,
  ];
}
