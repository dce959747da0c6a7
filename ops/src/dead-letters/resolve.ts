import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '../../../services/services.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { type DeadLetter, readBehind, readDeadLetter } from './read.ts';

/** The result of a redrive or discard. */
export interface Outcome {
  readonly ref: string;
  readonly status: DeadLetter['status'];
  readonly error: string | null;
  /** Messages of the same key that still wait behind the letter. */
  readonly parkedBehind: number;
  /** Whether they wait for a letter that is DEAD, so that the service cannot apply them. */
  readonly isBlocked: boolean;
}

/** Whether the service has nothing left to do: the letter failed again, or it is done and nothing waits behind it. */
export function isSettled({ status, parkedBehind, isBlocked }: Outcome): boolean {
  return status === 'DEAD' || (status !== 'REDRIVE' && (parkedBehind === 0 || isBlocked));
}

/** Numbers are counted anew in a schema that was restored or made anew, so the number alone may be another letter's. */
const IS_STILL_DEAD = `id = ? AND consumer_group = ? AND topic = ? AND \`partition\` = ? AND \`offset\` = ? AND event_id <=> ?
  AND status = 'DEAD'`;

function identityOf({ id, group, topic, partition, offset, eventId }: DeadLetter) {
  return [id, group, topic, partition, offset, eventId];
}

/** Asks the service to handle a dead letter again. @returns false when there is no such letter that is DEAD any more */
export async function requestRedrive(service: SqlConnection, letter: DeadLetter): Promise<boolean> {
  const { affectedRows } = await service.execute(
    `UPDATE dead_letter SET status = 'REDRIVE' WHERE ${IS_STILL_DEAD}`,
    identityOf(letter),
  );
  return affectedRows === 1;
}

/**
 * Discards a dead letter, for a reason; the service then applies the messages behind it. From that moment the event
 * counts as processed: a late copy of it elsewhere on the topic is dropped instead of applied.
 * @returns false when there is no such letter that is DEAD any more
 */
export async function requestDiscard(service: SqlConnection, letter: DeadLetter, reason: string): Promise<boolean> {
  const { group, eventId } = letter;
  await service.execute('START TRANSACTION');
  try {
    const { affectedRows } = await service.execute(
      `UPDATE dead_letter SET status = 'DISCARDED', resolved_at = UTC_TIMESTAMP(3), resolution = ? WHERE ${IS_STILL_DEAD}`,
      [reason, ...identityOf(letter)],
    );
    // An unreadable message's event id is only a claim of its headers, so it is not marked as processed.
    if (affectedRows === 1 && eventId !== null && letter.reason !== 'UNDECODABLE') {
      await service.execute(
        `INSERT IGNORE INTO processed_event (consumer_group, event_id, claim, processed_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))`,
        [group, eventId, randomUUID()],
      );
    }
    await service.execute('COMMIT');
    return affectedRows === 1;
  } catch (error) {
    await service.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/**
 * Waits until the service has acted: a redriven letter is REDRIVEN with nothing behind it, or DEAD again; behind a
 * discarded letter there is nothing, or a letter that is DEAD itself. After `timeoutMs` returns the present state.
 */
export async function waitForOutcomes(
  sql: SqlReader,
  letters: readonly DeadLetter[],
  timeoutMs: number,
): Promise<Outcome[]> {
  const deadline = performance.now() + timeoutMs;
  const outcomes = new Map<string, Outcome>();
  for (let waiting = [...letters]; ; ) {
    const left: DeadLetter[] = [];
    for (const letter of waiting) {
      const outcome = await readOutcome(sql, letter);
      outcomes.set(letter.ref, outcome);
      if (!isSettled(outcome)) left.push(letter);
    }
    waiting = left;
    if (waiting.length === 0 || performance.now() > deadline) return [...outcomes.values()];
    await sleep(200);
  }
}

async function readOutcome(sql: SqlReader, letter: DeadLetter): Promise<Outcome> {
  const { ref, status, error } = await readDeadLetter(sql, letter.ref);
  const parkedBehind = (await readBehind(sql, letter)).length;
  const isBlocked = parkedBehind > 0 && (await hasDeadFront(sql, letter));
  return { ref, status, error: status === 'DEAD' ? error : null, parkedBehind, isBlocked };
}

async function hasDeadFront(sql: SqlReader, { service, group, key }: DeadLetter): Promise<boolean> {
  const rows = await sql.query(
    `SELECT 1 FROM ${schemaOf(service)}.dead_letter WHERE consumer_group = ? AND message_key = ? AND status = 'DEAD' LIMIT 1`,
    [group, key],
  );
  return rows.length > 0;
}
