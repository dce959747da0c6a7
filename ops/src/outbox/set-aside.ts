import type { SqlConnection } from '../sql.ts';
import { NEVER_SENT, type WaitingEvent } from './read.ts';

/**
 * Moves an event from the outbox to `dead_letter`, where it is kept with the reason: it is never sent, and what waits
 * behind it is. Both in one transaction: the event is in one of the two, whatever dies.
 * @returns false when the event was sent meanwhile
 */
export async function setAside(
  service: SqlConnection,
  { seq, id }: WaitingEvent,
  refusal: string,
  reason: string,
): Promise<boolean> {
  await service.execute('START TRANSACTION');
  try {
    const { affectedRows } = await service.execute(
      `INSERT INTO dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_id, event_type,
                                reason, error, attempts, payload, headers, failed_at, resolved_at, resolution)
       SELECT ?, aggregatetype, -1, seq, aggregateid, 'DISCARDED', id, type,
              'REFUSED', ?, 0, payload, headers, created_at, UTC_TIMESTAMP(3), ?
         FROM outbox WHERE seq = ? AND id = ? FOR UPDATE`,
      [NEVER_SENT, refusal, reason, seq, id],
    );
    if (affectedRows === 1) await service.execute('DELETE FROM outbox WHERE seq = ? AND id = ?', [seq, id]);
    await service.execute('COMMIT');
    return affectedRows === 1;
  } catch (error) {
    await service.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
