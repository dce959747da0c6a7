import { createHash } from 'node:crypto';
import { placeholders, type SqlExecutor } from '@shop/chassis';
import type { DeadLetterEntry } from './messaging-store.ts';

/**
 * No partition of the log: letters stand there whose topic was made anew since, for their position means another record
 * now. Their offset is their id.
 */
export const FORMER_LOG = -2;

const MOVE = `SET \`partition\` = ${FORMER_LOG}, \`offset\` = id`;

type Told = Pick<DeadLetterEntry, 'eventId' | 'record'>;

/** Whether a letter at the entry's position is the entry's own. Without ids, messages are told apart by their value. */
export function isSameMessage(letter: Told, entry: Told): boolean {
  if (letter.eventId !== null || entry.eventId !== null) return letter.eventId === entry.eventId;
  return digestOf(letter) === digestOf(entry);
}

/** Moves letters of other messages away from the positions of these entries. */
export async function clearPositions(tx: SqlExecutor, group: string, entries: readonly Told[]): Promise<void> {
  if (entries.length === 0) return;
  // As `isSameMessage`.
  const isOther =
    'consumer_group = ? AND topic = ? AND `partition` = ? AND `offset` = ? AND NOT (event_id <=> ? AND (event_id IS NOT NULL OR SHA2(payload, 256) <=> ?))';
  // The index is forced: a scan would wait for letters of other positions that others are writing or redriving.
  await tx.execute(
    `UPDATE dead_letter FORCE INDEX (dead_letter_position) ${MOVE} WHERE ${entries.map(() => `(${isOther})`).join(' OR ')}`,
    entries.flatMap((entry) => {
      const { topic, partition, offset } = entry.record;
      return [group, topic, partition, offset, entry.eventId, entry.eventId === null ? digestOf(entry) : null];
    }),
  );
}

/** Moves these letters (by `id`) away from their positions in the log. @returns how many had one */
export async function leavePositions(tx: SqlExecutor, letters: readonly number[]): Promise<number> {
  if (letters.length === 0) return 0;
  const list = placeholders(letters.length);
  return (await tx.execute(`UPDATE dead_letter ${MOVE} WHERE id IN (${list}) AND \`partition\` >= 0`, letters))
    .affectedRows;
}

function digestOf({ record: { value } }: Told): string | null {
  return value && createHash('sha256').update(value).digest('hex');
}
