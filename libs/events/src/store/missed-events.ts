import { insertRows, placeholders, type SqlExecutor } from '@shop/chassis';
import type { OutboxRow } from './messaging-store.ts';
import { LETTER_COLUMNS, letterValues } from './sql-dead-letters.ts';

/** An event that a group missed, since the log no longer holds it. */
export type MissedEvent = OutboxRow & { readonly key: string };

/** No partition of the log: letters that were not read from it stand there. */
const NO_PARTITION = -1;

interface MissedOptions {
  readonly group: string;
  readonly parks: boolean;
  /** Kept with each letter: who brought it, and why. */
  readonly why: string;
  /** Positions of the letters, each used once: from here upwards. They only have to be unique. */
  readonly firstPosition: number;
  readonly now: Date;
}

/**
 * Sets missed events before a group, as letters that its redriver applies: those of a key in their order, and before
 * everything of the key that comes from the log afterwards, since the key is parked. Behind open letters of a key they
 * wait, for what was set aside came earlier. Call it in a transaction of the group's schema, with all events of a key.
 *
 * Locks as everywhere: first the keys' rows in `parked_key`, then new rows in `dead_letter`. The redriver locks the
 * same row first, so it frees no key in between.
 */
export async function setMissedBefore(
  tx: SqlExecutor,
  events: readonly MissedEvent[],
  { group, parks, why, firstPosition, now }: MissedOptions,
): Promise<void> {
  const waiting = parks ? await park(tx, group, events, now) : new Set<string>();
  const letters = events.map((event, index) => {
    const isFirst = !waiting.has(event.key);
    if (parks) waiting.add(event.key);
    const { id, type, topic, key, payload: value, headers } = event;
    const position = { partition: NO_PARTITION, offset: String(firstPosition + index) };
    const record = { topic, ...position, key, value, headers, timestamp: now.getTime() };
    const letter = { record, status: isFirst ? 'REDRIVE' : 'PARKED', reason: 'MISSED', attempts: 0 } as const;
    return letterValues(group, { ...letter, eventId: id, eventType: type, error: why }, now);
  });
  await insertRows(tx, 'dead_letter', LETTER_COLUMNS, letters);
}

/** Parks the keys of these events. @returns those that have open letters already */
async function park(tx: SqlExecutor, group: string, events: readonly MissedEvent[], now: Date): Promise<Set<string>> {
  const topics = new Map(events.map((event) => [event.key, event.topic]));
  const keys = [...topics.keys()].sort();
  // The update changes nothing, and locks a row that is there exclusively.
  await insertRows(
    tx,
    'parked_key',
    ['consumer_group', 'message_key', 'topic', 'parked_at'],
    keys.map((key) => [group, key, topics.get(key) ?? '', now]),
    { onDuplicateUpdate: 'message_key = VALUES(message_key)' },
  );
  const open = await tx.query<{ message_key: string }>(
    `SELECT DISTINCT message_key FROM dead_letter
      WHERE consumer_group = ? AND message_key IN (${placeholders(keys.length)}) AND status IN ('DEAD', 'PARKED', 'REDRIVE')`,
    [group, ...keys],
  );
  return new Set(open.map((row) => row.message_key));
}
