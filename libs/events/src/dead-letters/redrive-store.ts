import { randomUUID } from 'node:crypto';
import { type Database, placeholders, type Transaction } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';
import type { DeadLetterReason } from '../store/index.ts';

/** A dead letter's status. DEAD waits for an operator, PARKED for the letters before it, REDRIVE for the redriver. */
export type LetterStatus = 'DEAD' | 'PARKED' | 'REDRIVE' | 'REDRIVEN' | 'DISCARDED';

/** A row of `dead_letter` that is not resolved. */
export interface Letter {
  readonly id: number;
  readonly status: LetterStatus;
  readonly attempts: number;
  readonly record: IncomingRecord;
}

/** A unit of redriving: a key's queue, or a single letter (it has no key, or its group does not park). */
export type RedriveTarget =
  | { readonly group: string; readonly key: string }
  | { readonly group: string; readonly key: null; readonly id: number };

const OPEN = `('DEAD', 'PARKED', 'REDRIVE')`;

/**
 * Finds targets by two cheap queries: letters that an operator wants redriven, and parked keys whose dead letter was
 * discarded.
 * @param parking whether a group parks: where it does not, every letter stands alone
 */
export async function findTargets(
  database: Database,
  groups: readonly string[],
  parking: (group: string) => boolean,
): Promise<RedriveTarget[]> {
  const inGroups = placeholders(groups.length);
  // As many of each group: what one of them cannot do now does not keep the others waiting.
  const asked = await database.query<{ id: number; consumer_group: string; message_key: string | null }>(
    groups
      .map(
        () =>
          `(SELECT id, consumer_group, message_key FROM dead_letter WHERE status = 'REDRIVE' AND consumer_group = ? ORDER BY id LIMIT 500)`,
      )
      .join(' UNION ALL '),
    groups,
  );
  const freed = await database.query<{ consumer_group: string; message_key: string }>(
    `SELECT p.consumer_group, p.message_key FROM parked_key p WHERE p.consumer_group IN (${inGroups}) AND NOT EXISTS
       (SELECT 1 FROM dead_letter d WHERE d.consumer_group = p.consumer_group AND d.message_key = p.message_key AND d.status IN ('DEAD', 'REDRIVE')) LIMIT 500`,
    groups,
  );
  const targets = new Map<string, RedriveTarget>();
  for (const { id, consumer_group: group, message_key: key } of asked) {
    if (key === null || !parking(group)) targets.set(`${group} #${id}`, { group, key: null, id });
    else targets.set(`${group} ${key}`, { group, key });
  }
  for (const { consumer_group: group, message_key: key } of freed) targets.set(`${group} ${key}`, { group, key });
  return [...targets.values()];
}

/** Locks the key against consumers and other redrivers. Always the first lock of a transaction. */
export async function lockKey(tx: Transaction, { group, key }: RedriveTarget): Promise<void> {
  if (key === null) return;
  await tx.query('SELECT 1 FROM parked_key WHERE consumer_group = ? AND message_key = ? FOR UPDATE', [group, key]);
}

/**
 * Marks letters that an operator discarded as processed, so that a late copy is dropped instead of applied. The id of
 * an unreadable letter is only a claim of its headers: the real event with this id may wait behind it. A letter
 * that stands alone (no key, or its group does not park) is no target any more once it is discarded: the operator's
 * tool marks it, in the transaction of the discard.
 */
export async function claimDiscarded(tx: Transaction, { group, key }: RedriveTarget, now: Date): Promise<void> {
  if (key === null) return;
  await tx.execute(
    `INSERT IGNORE INTO processed_event (consumer_group, event_id, claim, processed_at)
       SELECT consumer_group, event_id, ?, ? FROM dead_letter
        WHERE consumer_group = ? AND message_key = ? AND status = 'DISCARDED' AND reason <> 'UNDECODABLE'
          AND event_id IS NOT NULL ORDER BY event_id`,
    [randomUUID(), now, group, key],
  );
}

/** The first unresolved letter of the target, locked. */
export async function frontLetter(tx: Transaction, target: RedriveTarget): Promise<Letter | undefined> {
  // The index is named: by the order of the ids the server would lock the letters of other keys on its way.
  const [index, where, params] =
    target.key === null
      ? ['PRIMARY', 'id = ?', [target.id]]
      : ['dead_letter_key', 'consumer_group = ? AND message_key = ?', [target.group, target.key]];
  const [row] = await tx.query<LetterRow>(
    `SELECT id, status, attempts, topic, \`partition\`, \`offset\`, message_key, payload, headers, failed_at
       FROM dead_letter FORCE INDEX (${index})
      WHERE ${where} AND status IN ${OPEN} ORDER BY id LIMIT 1 FOR UPDATE`,
    params,
  );
  return row && { id: row.id, status: row.status, attempts: row.attempts, record: toRecord(row) };
}

export async function markRedriven(tx: Transaction, id: number, resolution: string, now: Date): Promise<void> {
  await tx.execute(
    `UPDATE dead_letter SET status = 'REDRIVEN', attempts = attempts + 1, resolved_at = ?, resolution = ? WHERE id = ?`,
    [now, resolution, id],
  );
}

/**
 * Marks a letter as failed again: it and all letters behind it wait for an operator. Changes nothing if another
 * redriver has handled the letter since it was read. `reason` is that of this attempt: a letter that was parked unread
 * may turn out to be unreadable.
 */
export async function markDead(
  tx: Transaction,
  { id, attempts }: Letter,
  { reason, error }: { readonly reason: DeadLetterReason; readonly error: string },
  now: Date,
): Promise<void> {
  await tx.execute(
    `UPDATE dead_letter SET status = 'DEAD', reason = ?, error = ?, attempts = attempts + 1, failed_at = ?
      WHERE id = ? AND attempts = ? AND status IN ${OPEN}`,
    [reason, error.slice(0, 2_000), now, id, attempts],
  );
}

/** Frees the key if none of its letters waits any more. Call it only while the key's row is locked. */
export async function freeKey(tx: Transaction, { group, key }: RedriveTarget): Promise<boolean> {
  if (key === null) return true;
  const waiting = await tx.query(
    `SELECT 1 FROM dead_letter WHERE consumer_group = ? AND message_key = ? AND status IN ${OPEN} LIMIT 1`,
    [group, key],
  );
  if (waiting.length > 0) return false;
  await tx.execute('DELETE FROM parked_key WHERE consumer_group = ? AND message_key = ?', [group, key]);
  return true;
}

interface LetterRow {
  id: number;
  status: LetterStatus;
  attempts: number;
  topic: string;
  partition: number;
  offset: number;
  message_key: string | null;
  payload: Buffer | null;
  headers: string;
  failed_at: Date;
}

function toRecord(row: LetterRow): IncomingRecord {
  return {
    topic: row.topic,
    partition: row.partition,
    offset: String(row.offset),
    key: row.message_key,
    value: row.payload,
    headers: JSON.parse(row.headers) as Record<string, string>,
    timestamp: row.failed_at.getTime(),
  };
}
