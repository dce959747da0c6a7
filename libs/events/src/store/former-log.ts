import { createHash } from 'node:crypto';
import { placeholders, type SqlExecutor } from '@shop/chassis';
import type { LetterPlace } from './messaging-store.ts';

/**
 * No partition of the log: letters stand there whose topic was made anew since, for their position means another record
 * now. Their offset is their id.
 */
export const FORMER_LOG = -2;

const MOVE = `SET \`partition\` = ${FORMER_LOG}, \`offset\` = id`;

/** Whether a letter at the entry's position is the entry's own. Without ids, messages are told apart by their value. */
export function isSameMessage(letter: LetterPlace, entry: LetterPlace): boolean {
  if (letter.eventId !== null || entry.eventId !== null) return letter.eventId === entry.eventId;
  return digestOf(letter) === digestOf(entry);
}

// The index is forced: a scan would wait for letters of other positions that others are writing or redriving.
const BY_POSITION = 'dead_letter FORCE INDEX (dead_letter_position)';
const STANDS_AT = 'consumer_group = ? AND topic = ? AND `partition` = ? AND `offset` = ?';

/** Moves letters of other messages away from the positions of these entries. */
export async function clearPositions(tx: SqlExecutor, group: string, entries: readonly LetterPlace[]): Promise<void> {
  if (entries.length === 0) return;
  // As `isSameMessage`.
  const isOther = `(${STANDS_AT} AND NOT (event_id <=> ? AND (event_id IS NOT NULL OR SHA2(payload, 256) <=> ?)))`;
  await tx.execute(
    `UPDATE ${BY_POSITION} ${MOVE} WHERE ${entries.map(() => isOther).join(' OR ')}`,
    entries.flatMap((entry) => {
      const { topic, partition, offset } = entry.record;
      return [group, topic, partition, offset, entry.eventId, entry.eventId === null ? digestOf(entry) : null];
    }),
  );
}

/** Picks the entries whose own letter stands at their position: as `isSameMessage`. */
export async function pickLettered<E extends LetterPlace>(
  tx: SqlExecutor,
  group: string,
  entries: readonly E[],
): Promise<readonly E[]> {
  if (entries.length === 0) return [];
  const rows = await tx.query<{ topic: string; part: number; position: number; id: string | null }>(
    `SELECT topic, \`partition\` AS part, \`offset\` AS position, COALESCE(event_id, SHA2(payload, 256)) AS id
       FROM ${BY_POSITION} WHERE ${entries.map(() => `(${STANDS_AT})`).join(' OR ')}`,
    entries.flatMap(({ record: { topic, partition, offset } }) => [group, topic, partition, offset]),
  );
  const there = new Map(rows.map(({ topic, part, position, id }) => [`${topic}/${part}/${position}`, id]));
  return entries.filter((entry) => {
    const { topic, partition, offset } = entry.record;
    return there.get(`${topic}/${partition}/${offset}`) === (entry.eventId ?? digestOf(entry));
  });
}

/** Moves these letters (by `id`) away from their positions in the log. @returns how many had one */
export async function leavePositions(tx: SqlExecutor, letters: readonly number[]): Promise<number> {
  if (letters.length === 0) return 0;
  const list = placeholders(letters.length);
  return (await tx.execute(`UPDATE dead_letter ${MOVE} WHERE id IN (${list}) AND \`partition\` >= 0`, letters))
    .affectedRows;
}

function digestOf({ record: { value } }: LetterPlace): string | null {
  return value && createHash('sha256').update(value).digest('hex');
}
