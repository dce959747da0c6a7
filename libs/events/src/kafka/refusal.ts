import { RefusedError, withCauses } from '../errors.ts';

/**
 * Answers of the broker that concern one topic. A topic without enough replicas is among them: other topics may have
 * them. A partition without a leader is not: it is the ordinary state of a moment after a broker's end.
 */
const OF_TOPIC = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
]);

/** Answers that concern single records, or the size of what was sent together. */
const OF_RECORD = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'CORRUPT_MESSAGE',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
]);

/**
 * The refusal in an error of KafkaJS, which names the broker's answer but not its topic; undefined when the broker is
 * away or the error has another cause.
 */
export function refusalIn(error: unknown): RefusedError | undefined {
  for (const cause of withCauses(error)) {
    const type = 'type' in cause ? String(cause.type) : '';
    if (OF_TOPIC.has(type)) return new RefusedError(type, 'topic', { cause: error });
    if (OF_RECORD.has(type)) return new RefusedError(type, 'record', { cause: error });
  }
  return undefined;
}
