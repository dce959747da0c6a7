import type { EventType } from '../contracts/index.ts';
import { UndecodableError } from '../errors.ts';

/** CloudEvents in Kafka's binary mode: the attributes are headers, the value is the data alone. */
export interface EventHeaders {
  readonly id: string;
  readonly type: string;
  readonly time: Date;
  readonly causationId?: string;
  readonly traceparent?: string;
}

/** Renders the headers of an event that `source` publishes. */
export function renderHeaders(
  event: EventHeaders & { readonly type: EventType },
  source: string,
  attributes: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const extensions = Object.entries(attributes).flatMap(([name, value]) =>
    value === null ? [] : [[`ce_${name}`, value]],
  );
  return {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: source,
    ce_time: event.time.toISOString(),
    ...Object.fromEntries(extensions),
    ...(event.causationId && { ce_causationid: event.causationId }),
    ...(event.traceparent && { traceparent: event.traceparent }),
    'content-type': 'application/avro',
  };
}

/** Digits of `ce_sequence`: padded with zeros, the text sorts as its number does, as CloudEvents requires. */
const SEQUENCE_DIGITS = 16;

/** The headers of the event that is row `seq` of its publisher's outbox. */
export function withSequence(headers: Readonly<Record<string, string>>, seq: number): Record<string, string> {
  return { ...headers, ce_sequence: String(seq).padStart(SEQUENCE_DIGITS, '0') };
}

const EVENT_ID = /^[\x21-\x7e]{1,36}$/;

/** Reads the headers back. Throws UndecodableError naming the header that is missing or invalid. */
export function parseHeaders(headers: Readonly<Record<string, string>>): EventHeaders {
  const { ce_id: id, ce_type: type, ce_time, ce_causationid: causationId, traceparent } = headers;
  if (!type) throw new UndecodableError('header ce_type is missing');
  if (!id || !EVENT_ID.test(id)) throw new UndecodableError('header ce_id is missing or not an id');
  const time = new Date(ce_time ?? '');
  if (Number.isNaN(time.getTime())) throw new UndecodableError('header ce_time is missing or not a time');
  return { id, type, time, ...(causationId && { causationId }), ...(traceparent && { traceparent }) };
}
