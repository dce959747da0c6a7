import { insertRows, placeholders, type SqlExecutor } from '@shop/chassis';
import type { OutboxRow } from './messaging-store.ts';

/**
 * Header of an event that its publisher's rows told and that was sent anew. Its value is the time (ISO) since which the
 * rows were looked through: the topics may lack what is older. Such an event stands behind later ones of its key.
 */
export const REPUBLISHED = 'ce_republished';

/** Writes events of the past into the outbox of a publisher's schema, for its relay to send. */
export async function sendAgain(tx: SqlExecutor, events: readonly OutboxRow[], since: Date, now: Date): Promise<void> {
  await insertRows(
    tx,
    'outbox',
    ['id', 'aggregatetype', 'aggregateid', 'type', 'payload', 'headers', 'created_at'],
    events.map(({ id, topic, key, type, payload, headers }) => {
      const marked = JSON.stringify({ ...headers, [REPUBLISHED]: since.toISOString() });
      return [id, topic, key, type, payload, marked, now];
    }),
  );
}

/**
 * Lets a group's inbox remember these events as if they were applied now. An event that is sent again stands on the log
 * for a whole retention from now on, and a replay must find its id in the inbox as long.
 */
export async function rememberLonger(
  tx: SqlExecutor,
  group: string,
  eventIds: readonly string[],
  now: Date,
): Promise<void> {
  if (eventIds.length === 0) return;
  await tx.execute(
    `UPDATE processed_event SET processed_at = ? WHERE consumer_group = ? AND event_id IN (${placeholders(eventIds.length)})`,
    [now, group, ...eventIds],
  );
}
