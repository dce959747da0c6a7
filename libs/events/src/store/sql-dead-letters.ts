import { type Database, insertNew, insertRows, type Transaction } from '@shop/chassis';
import { canPark, MAX_KEY } from './dead-letter.ts';
import { clearPositions, pickLettered } from './former-log.ts';
import type { DeadLetterEntry, MessagingStore, SetAsidePermit } from './messaging-store.ts';

/** The dead letters of a service's own schema, the keys that wait behind them, and the permits to set aside more. */
export type SqlDeadLetters = Pick<
  MessagingStore<Transaction>,
  'lockParkedKeys' | 'writeDeadLetters' | 'lettered' | 'findPermit' | 'usePermit'
>;

/** Limit of headers as JSON, bytes; the column in `dead_letter` is a TEXT of 65,535 bytes. */
const MAX_HEADER_BYTES = 60_000;

export function createSqlDeadLetters(database: Database): SqlDeadLetters {
  return {
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
      const fresh: DeadLetterEntry[] = [];
      for (const { start, count, inserted, insertId } of await insertNew(tx, 'dead_letter', LETTER_COLUMNS, values)) {
        const written = entries.slice(start, start + count);
        if (inserted === count) fresh.push(...written);
        else if (inserted > 0) fresh.push(...(await newOf(tx, group, written, insertId)));
      }
      return fresh;
    },

    lettered: pickLettered,

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
  };
}

/** Picks a statement's letters that it inserted, by their numbers. A server may count in larger steps than one. */
async function newOf(
  tx: Transaction,
  group: string,
  entries: readonly DeadLetterEntry[],
  insertId: number,
): Promise<DeadLetterEntry[]> {
  const rows = await tx.query<{ topic: string; part: number; position: number }>(
    `SELECT topic, \`partition\` AS part, \`offset\` AS position FROM dead_letter
      WHERE id >= ? AND id < ? + ? * @@auto_increment_increment AND consumer_group = ?`,
    [insertId, insertId, entries.length, group],
  );
  const inserted = new Set(rows.map(({ topic, part, position }) => `${topic}/${part}/${position}`));
  // A position counts once, though it may stand in the statement twice.
  return entries.filter(({ record }) => inserted.delete(`${record.topic}/${record.partition}/${record.offset}`));
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
