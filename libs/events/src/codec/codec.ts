import type avsc from 'avsc';
import { type Clock, createBackoff, systemClock } from '../clock.ts';
import { type Contract, type EventDataByType, type EventType, loadContracts, parseAvro } from '../contracts/index.ts';
import { describe, InvalidEventError, OutageError, UndecodableError, UnknownSchemaError } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { createRegistry, type SchemaStore } from './registry.ts';
import { WIRE_HEADER, wireSchemaId, writeWire } from './wire.ts';

/** A decoded value with the type its schema says it is. Discriminated by `type`. */
export type DecodedEvent = { [T in EventType]: { readonly type: T; readonly data: EventDataByType[T] } }[EventType];

export interface Codec {
  /**
   * Resolves once every schema is registered; waits while the registry is away. Rejects when the registry refuses one.
   */
  ready(): Promise<void>;
  /** Encodes at once. Throws InvalidEventError with the fields' names; OutageError before `ready`. */
  encode<T extends EventType>(type: T, data: EventDataByType[T]): Buffer;
  /** Rejects with UndecodableError (no retry helps) or OutageError (the registry is away: try again). */
  decode(message: Buffer): Promise<DecodedEvent>;
}

export interface CodecOptions {
  readonly registryUrl: string;
  readonly logger?: EventLogger;
  readonly clock?: Clock;
}

/** The codec on a schema registry. It begins to register at once and keeps trying. */
export function createCodec({ registryUrl, logger, clock }: CodecOptions): Codec {
  return createCodecOn(createRegistry(registryUrl), { ...(logger && { logger }), ...(clock && { clock }) });
}

const REGISTERED_AT_ONCE = 3;
const DECLARED_ONLY = { noUndeclaredFields: true };

interface Reader {
  readonly contract: Contract;
  /** Undefined when writer and reader have the same schema. */
  readonly resolver: avsc.Resolver | undefined;
}

/** A codec on any schema store: the tests and the simulation keep schemas in memory. */
export function createCodecOn(store: SchemaStore, options: { logger?: EventLogger; clock?: Clock } = {}): Codec {
  const { logger = silentLogger, clock = systemClock } = options;
  const contracts = loadContracts();
  const ids = new Map<EventType, number>();
  const registered = registerAll({ store, ids, logger, clock }, [...contracts.values()]);
  registered.catch(() => {}); // Reported by ready(). An unused codec must not crash the process.
  const byRecord = new Map([...contracts.values()].map((contract) => [contract.record, contract]));
  // avsc compiles a resolver for every (writer, reader) pair: once for each writer id, never once a message.
  const readers = new Map<number, Reader>();

  return {
    ready: () => registered,

    encode(type, data) {
      const contract = contracts.get(type);
      const id = ids.get(type);
      if (!contract || id === undefined) throw new OutageError(`the schema of ${type} is not registered yet`);
      // avsc would leave fields that the schema does not name out of the message without a word. Its compiled check is
      // quick; the names are looked for only when it fails.
      if (!contract.avro.isValid(data, DECLARED_ONLY)) {
        const undeclared = undeclaredFields(contract.avro, data);
        if (undeclared.length > 0) throw new InvalidEventError(type, undeclared);
      }
      try {
        return writeWire(id, contract.avro, data);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        throw new InvalidEventError(type, invalidFields(contract.avro, data), { cause: error });
      }
    },

    async decode(message) {
      const schemaId = wireSchemaId(message);
      let reader = readers.get(schemaId);
      if (!reader) {
        reader = await findReader(store, byRecord, schemaId);
        readers.set(schemaId, reader);
      }
      try {
        const data: unknown = reader.contract.avro.fromBuffer(message.subarray(WIRE_HEADER), reader.resolver);
        return { type: reader.contract.type, data } as DecodedEvent;
      } catch (error) {
        throw new UndecodableError(`not a ${reader.contract.record}: ${describe(error)}`, { cause: error });
      }
    },
  };
}

interface Registration {
  readonly store: SchemaStore;
  /** Ids of the registered schemas. */
  readonly ids: Map<EventType, number>;
  readonly logger: EventLogger;
  readonly clock: Clock;
}

/** Registers a few at a time: many services may be starting, and the registry is small. */
async function registerAll(registration: Registration, left: Contract[]): Promise<void> {
  const worker = async () => {
    for (let contract = left.shift(); contract; contract = left.shift()) await register(registration, contract);
  };
  await Promise.all(Array.from({ length: REGISTERED_AT_ONCE }, worker));
}

async function register({ store, ids, logger, clock }: Registration, { type, record, text }: Contract): Promise<void> {
  const backoff = createBackoff(200, 5_000);
  while (!ids.has(type)) {
    try {
      ids.set(type, await store.register(record, text));
    } catch (error) {
      if (!(error instanceof OutageError)) throw error;
      logger.warn({ subject: record, error: describe(error) }, 'schema is not registered yet, trying again');
      await clock.sleep(backoff.next());
    }
  }
}

async function findReader(
  store: SchemaStore,
  byRecord: ReadonlyMap<string, Contract>,
  schemaId: number,
): Promise<Reader> {
  const writer = await store.fetch(schemaId);
  if (!writer) throw new UnknownSchemaError(`schema ${schemaId} is unknown to the registry`);
  const contract = byRecord.get(writer.name ?? '');
  if (!contract) throw new UndecodableError(`schema ${schemaId} is ${writer.name}, which is in no catalogue`);
  try {
    const same = contract.avro.equals(writer);
    const resolver = same ? undefined : contract.avro.createResolver(parseAvro(writer.schema({ exportAttrs: true })));
    return { contract, resolver };
  } catch (error) {
    throw new UndecodableError(`schema ${schemaId} cannot be read as ${contract.record}`, { cause: error });
  }
}

/** Fields that the schema does not name. */
function undeclaredFields(avro: avsc.Type, data: unknown, path = ''): string[] {
  if (avro.typeName === 'array' && Array.isArray(data)) {
    const { itemsType } = avro as avsc.types.ArrayType;
    return data.flatMap((item: unknown, index) => undeclaredFields(itemsType, item, `${path}${index}.`));
  }
  if (avro.typeName !== 'record' || typeof data !== 'object' || data === null) return [];
  const record = avro as avsc.types.RecordType;
  return Object.entries(data).flatMap(([name, value]) => {
    const field = record.field(name);
    return field ? undeclaredFields(field.type, value, `${path}${name}.`) : [`${path}${name}`];
  });
}

function invalidFields(avro: avsc.Type, data: unknown): string[] {
  const fields: string[] = [];
  avro.isValid(data, { errorHook: (path) => fields.push(path.join('.')) });
  return fields;
}
