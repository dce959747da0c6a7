import type avsc from 'avsc';
import { parseAvro } from './avro.ts';
import { EVENTS, type EventType, isEventType } from './event-table.ts';
import { readSchemas, SCHEMA_FOLDER } from './schema-files.ts';

/** One contract, ready for use. */
export interface Contract {
  readonly type: EventType;
  /** Full name of the record; also the registry's subject. */
  readonly record: string;
  /** The schema as it is registered, docs included. */
  readonly text: string;
  readonly avro: avsc.Type;
}

/** Every contract by event type. Fails at start if catalogue and schema files do not match. */
export function loadContracts(folder: URL = SCHEMA_FOLDER): ReadonlyMap<EventType, Contract> {
  const contracts = new Map<EventType, Contract>();
  for (const [type, schema] of readSchemas(folder)) {
    if (!isEventType(type)) throw new Error(`schemas/${type}.avsc is in no catalogue`);
    const text = JSON.stringify(schema);
    const avro = parseAvro(JSON.parse(text), { omitRecordMethods: true });
    const { record } = EVENTS[type];
    if (avro.name !== record) throw new Error(`schemas/${type}.avsc holds ${avro.name}, the catalogue says ${record}`);
    contracts.set(type, { type, record, text, avro });
  }
  for (const type of Object.keys(EVENTS)) {
    if (isEventType(type) && !contracts.has(type)) throw new Error(`schemas/${type}.avsc is missing`);
  }
  return contracts;
}
