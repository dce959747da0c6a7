import { randomUUID } from 'node:crypto';
import type { IncomingRecord } from '../broker.ts';
import type { Message } from '../codec/index.ts';
import type { DeadLetterEntry, DeadLetterReason, OutboxRow } from './messaging-store.ts';

const MAX_ERROR = 2_000;
/** A mirror must pass the broker's limit with room for headers; `dead_letter` keeps the whole message. */
const MAX_MIRRORED_BYTES = 900_000;
const MAX_MIRRORED_HEADER_BYTES = 32_000;

export function deadLetter(
  message: Message,
  reason: DeadLetterReason,
  error: string,
  attempts: number,
): DeadLetterEntry {
  return { ...origin(message), status: 'DEAD', reason, error: error.slice(0, MAX_ERROR), attempts };
}

/** Longest key that the tables hold, characters. A longer key is never ours: it is stored shortened, and not parked. */
export const MAX_KEY = 255;

/** Whether later messages of this key can wait behind a dead letter: `parked_key` must hold the key. */
export function canPark(key: string | null): key is string {
  return key !== null && key.length <= MAX_KEY;
}

/** A message that waits behind a dead letter of its key. */
export function parkedLetter(message: Message): DeadLetterEntry {
  return { ...origin(message), status: 'PARKED', reason: 'BEHIND_DEAD_LETTER', error: null, attempts: 0 };
}

/** The copy that goes to `<topic>.dlq`, for operators who watch topics rather than tables. */
export function mirrorRow(group: string, letter: DeadLetterEntry): OutboxRow {
  const { record, reason, error, attempts } = letter;
  const small = (record.value?.length ?? 0) <= MAX_MIRRORED_BYTES;
  const plain = Buffer.byteLength(JSON.stringify(record.headers)) <= MAX_MIRRORED_HEADER_BYTES;
  return {
    id: randomUUID(),
    topic: `${record.topic}.dlq`,
    key: record.key,
    type: 'dead-letter',
    payload: small ? record.value : null,
    headers: {
      ...(plain && record.headers),
      dlq_group: group,
      dlq_reason: reason,
      dlq_error: error ?? '',
      dlq_attempts: String(attempts),
      dlq_topic: record.topic,
      dlq_partition: String(record.partition),
      dlq_offset: record.offset,
    },
  };
}

/** The event id that a letter of this record has. */
export function letterIdOf({ headers }: Pick<IncomingRecord, 'headers'>): string | null {
  return headerOrNull(headers.ce_id, 36);
}

/** The event id that a message has, or claims to have in its headers. */
export function eventIdOf({ record, event }: Message): string | null {
  return event?.id ?? letterIdOf(record);
}

function origin(message: Message) {
  const { record, event } = message;
  return {
    record,
    eventId: eventIdOf(message),
    eventType: event?.type ?? headerOrNull(record.headers.ce_type, 100),
  };
}

/** A header of a possibly unreadable message, if it fits its ASCII column. */
function headerOrNull(value: string | undefined, length: number): string | null {
  return value && value.length <= length && /^[\x21-\x7e]+$/.test(value) ? value : null;
}
