import type { RegistryAccess } from '@shop/chassis';
import type avsc from 'avsc';
import { type Clock, createBackoff, systemClock } from '../clock.ts';
import { type Contract, type EventDataByType, type EventType, loadContracts } from '../contracts/index.ts';
import { describe, InvalidEventError, OutageError } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { createReaders, type Readers } from './readers.ts';
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
  /**
   * Rejects with UndecodableError (no retry helps, unless the registry changes) or OutageError (the registry is away:
   * try again).
   * @param type the event that the message's header says it is. Absent: whatever the registry says of its schema id
   */
  decode(message: Buffer, type?: string): Promise<DecodedEvent>;
  /**
   * Asks the registry whether it still knows the ids with which this process has encoded events. `lost`: the types
   * whose id it no longer knows, or knows as another schema's. Rejects with OutageError when it does not answer.
   */
  lostIds(): Promise<{ readonly written: readonly EventType[]; readonly lost: readonly EventType[] }>;
}

export interface CodecOptions {
  readonly registryUrl: string;
  /** Default: no login, and the authorities of Node. */
  readonly registryAccess?: RegistryAccess | undefined;
  readonly logger?: EventLogger;
  readonly clock?: Clock;
}

/** The codec on a schema registry. It begins to register at once and keeps trying. */
export function createCodec({ registryUrl, registryAccess: access, logger, clock }: CodecOptions): Codec {
  return createCodecOn(createRegistry(registryUrl, { access }), { ...(logger && { logger }), ...(clock && { clock }) });
}

/** Reads events and registers nothing: for a tool that only looks. */
export function createDecoder({
  registryUrl,
  registryAccess: access,
}: Pick<CodecOptions, 'registryUrl' | 'registryAccess'>): Pick<Codec, 'decode'> {
  const contracts = [...loadContracts().values()];
  return { decode: decodeWith(createReaders(createRegistry(registryUrl, { access }), contracts, systemClock)) };
}

/** Reads each message with the schema whose id it begins with. */
function decodeWith(readers: Readers): Codec['decode'] {
  return async (message, type) =>
    (await readers.read(wireSchemaId(message), message.subarray(WIRE_HEADER), type)) as DecodedEvent;
}

const REGISTERED_AT_ONCE = 3;
const DECLARED_ONLY = { noUndeclaredFields: true };

/** A codec on any schema store: the tests and the simulation keep schemas in memory. */
export function createCodecOn(store: SchemaStore, options: { logger?: EventLogger; clock?: Clock } = {}): Codec {
  const { logger = silentLogger, clock = systemClock } = options;
  const contracts = loadContracts();
  const ids = new Map<EventType, number>();
  const readers = createReaders(store, contracts.values(), clock);
  const registered = registerAll({ store, ids, readers, logger, clock }, [...contracts.values()]);
  registered.catch(() => {}); // Reported by ready(). An unused codec must not crash the process.
  const written = new Set<EventType>();

  return {
    ready: () => registered,

    encode(type, data) {
      const contract = contracts.get(type);
      const id = ids.get(type);
      if (!contract || id === undefined) throw new OutageError(`the schema of ${type} is not registered yet`);
      written.add(type);
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

    decode: decodeWith(readers),

    async lostIds() {
      const types = [...written];
      const writers = await Promise.all(types.map((type) => store.fetch(ids.get(type) ?? 0)));
      const lost = types.filter((type, n) => !writers[n] || !contracts.get(type)?.avro.equals(writers[n]));
      return { written: types, lost };
    },
  };
}

interface Registration {
  readonly store: SchemaStore;
  /** Ids of the registered schemas. */
  readonly ids: Map<EventType, number>;
  readonly readers: Readers;
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

async function register(registration: Registration, contract: Contract): Promise<void> {
  const { store, ids, readers, logger, clock } = registration;
  const { type, record, text } = contract;
  const backoff = createBackoff(200, 5_000);
  while (!ids.has(type)) {
    try {
      const id = await store.register(record, text);
      ids.set(type, id);
      readers.registered(id, contract);
    } catch (error) {
      if (!(error instanceof OutageError)) throw error;
      logger.warn({ subject: record, error: describe(error) }, 'schema is not registered yet, trying again');
      await clock.sleep(backoff.next());
    }
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
