import { createHash } from 'node:crypto';
import { placeholders, type SqlExecutor } from '@shop/chassis';
import type { DeadLetterEntry } from './messaging-store.ts';

/**
 * No partition of the log: letters stand there whose topic was made anew since, for their position means another record
 * now. Their offset is their id.
 */
export const FORMER_LOG = -2;

const MOVE = `UPDATE dead_letter SET \`partition\` = ${FORMER_LOG}, \`offset\` = id`;

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
    'topic = ? AND `partition` = ? AND `offset` = ? AND NOT (event_id <=> ? AND (event_id IS NOT NULL OR SHA2(payload, 256) <=> ?))';
  await tx.execute(`${MOVE} WHERE consumer_group = ? AND (${entries.map(() => `(${isOther})`).join(' OR ')})`, [
    group,
    ...entries.flatMap((entry) => {
      const { topic, partition, offset } = entry.record;
      return [topic, partition, offset, entry.eventId, entry.eventId === null ? digestOf(entry) : null];
    }),
  ]);
}

/** Moves these letters (by `id`) away from their positions in the log. @returns how many had one */
export async function leavePositions(tx: SqlExecutor, letters: readonly number[]): Promise<number> {
  if (letters.length === 0) return 0;
  const list = placeholders(letters.length);
  return (await tx.execute(`${MOVE} WHERE id IN (${list}) AND \`partition\` >= 0`, letters)).affectedRows;
}

function digestOf({ record: { value } }: Told): string | null {
  return value && createHash('sha256').update(value).digest('hex');
}
