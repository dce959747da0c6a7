import { EVENTS, type EventType, publisherOf } from '@shop/events';

/** The parts of an Avro record that the documents use. */
export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc: string;
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly doc: string;
}

export type AvroType =
  | string
  | readonly AvroType[]
  | AvroRecord
  | { readonly type: 'array'; readonly items: AvroType }
  | { readonly type: 'long'; readonly logicalType?: string };

/** One event as described by the catalogue and its schema. */
export interface DescribedEvent {
  readonly type: EventType;
  readonly topic: string;
  readonly record: string;
  /** The service that publishes it. */
  readonly publisher: string;
  /** The data field that is the message key. */
  readonly key: string;
  readonly id: string;
  /** Names of its own headers, without `ce_`. */
  readonly attributes: readonly string[];
  readonly schema: AvroRecord;
}

export function describeEvents(schemas: ReadonlyMap<string, unknown>): DescribedEvent[] {
  return Object.entries(EVENTS).map(([type, event]) => {
    const { topic, record, key, id, attributes } = event as (typeof EVENTS)[EventType];
    return {
      type: type as EventType,
      topic,
      record,
      publisher: publisherOf(type as EventType),
      key: fieldReadBy(key),
      id: id === 'derived' ? 'derived from the order and the type' : `the field \`${fieldReadBy(id)}\``,
      attributes: attributes ? Object.keys(attributes({} as never)) : [],
      schema: schemas.get(type) as AvroRecord,
    };
  });
}

/** The name of the single field that a rule of the catalogue reads. */
function fieldReadBy(rule: (data: never) => string): string {
  const read: string[] = [];
  const data = new Proxy({}, { get: (_target, name) => read.push(String(name)) });
  rule(data as never);
  const [field] = read;
  if (read.length !== 1 || !field) throw new Error(`a rule of the catalogue reads ${read.join(', ') || 'no field'}`);
  return field;
}
