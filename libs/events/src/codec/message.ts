import type { Headers, IncomingRecord } from '../broker.ts';
import { isEventType, type ReceivedEvent } from '../contracts/index.ts';
import { describe, SchemaMismatchError, UndecodableError, UnknownSchemaError } from '../errors.ts';
import type { Codec } from './codec.ts';
import { parseHeaders } from './headers.ts';

/** A record that concerns the group: an event, or an unreadable record. */
export type Message = ReadableMessage | UnreadableMessage;
export interface ReadableMessage {
  readonly record: IncomingRecord;
  readonly event: ReceivedEvent;
}
export interface UnreadableMessage {
  readonly record: IncomingRecord;
  readonly event: undefined;
  readonly error: string;
  /** True when the registry does not know the schema, or knows another: the fault may then be the registry's. */
  readonly schemaFault: boolean;
}

/** How a group chooses its messages: by the types it handles, and perhaps by other headers. */
export interface Interest {
  readonly handles: ReadonlySet<string>;
  readonly wants?: ((headers: Headers) => boolean) | undefined;
}

/**
 * True for a type that the group does not handle or this build does not know (a newer producer rolling out), and for an
 * event that the group does not want. Only headers are read; nothing is decoded.
 */
export function isForOthers(record: Pick<IncomingRecord, 'headers' | 'header'>, { handles, wants }: Interest): boolean {
  const type = record.header ? record.header('ce_type') : record.headers.ce_type;
  if (type === undefined || type === '') return false;
  return !handles.has(type) || (wants !== undefined && !wants(record.headers));
}

/** Decodes one record. Rejects only for an outage: an unreadable record is a message too. */
export async function readMessage(record: IncomingRecord, codec: Pick<Codec, 'decode'>): Promise<Message> {
  try {
    const headers = parseHeaders(record.headers);
    if (record.key === null) throw new UndecodableError('it has no key');
    if (!record.value) throw new UndecodableError('it has no value');
    if (!isEventType(headers.type)) throw new UndecodableError(`${headers.type} is in no catalogue`);
    const decoded = await codec.decode(record.value, headers.type);
    const { topic, partition, offset, key } = record;
    return { record, event: { ...headers, ...decoded, topic, partition, offset, key } };
  } catch (error) {
    if (!(error instanceof UndecodableError)) throw error;
    const schemaFault = error instanceof UnknownSchemaError || error instanceof SchemaMismatchError;
    return { record, event: undefined, error: describe(error), schemaFault };
  }
}
