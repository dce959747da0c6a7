import type avsc from 'avsc';
import type { Clock } from '../clock.ts';
import { type Contract, type EventType, parseAvro } from '../contracts/index.ts';
import { describe, SchemaMismatchError, UndecodableError, UnknownSchemaError } from '../errors.ts';
import type { SchemaStore } from './registry.ts';

/** How this build reads what was written with one schema. */
interface Reader {
  readonly contract: Contract;
  /** Undefined when writer and reader have the same schema. */
  readonly resolver: avsc.Resolver | undefined;
}

/** An answer of the registry about an id. */
interface Answer {
  readonly at: number;
  readonly reader: Promise<Reader>;
}

/** An answer is used for this long, ms, so that many messages that do not fit do not become as many questions. */
const BELIEVED_MS = 250;
/** Rubbish may name any id: more answers than this are not kept. */
const MAX_IDS = 1_000;

export type Readers = ReturnType<typeof createReaders>;

/**
 * The schemas that messages were written with, by the ids that they name.
 *
 * A registry never gives an id twice, so an answer holds for ever, until the registry is made anew: then an id may be
 * another event's. A message says in its header which event it is. So an answer is used only for messages of its event,
 * and where no answer fits, the registry is asked again. What was learned before is kept: a message of an old id is
 * read by the old answer, one of the new registry by the new.
 */
export function createReaders(store: SchemaStore, contracts: Iterable<Contract>, clock: Clock) {
  const byRecord = new Map([...contracts].map((contract) => [contract.record, contract]));
  const known = new Map<number, Reader[]>();
  const answers = new Map<number, Answer>();

  function learn(id: number, reader: Reader): void {
    known.set(id, [reader, ...(known.get(id) ?? []).filter((other) => other.contract !== reader.contract)]);
  }

  function ask(id: number): Promise<Reader> {
    const last = answers.get(id);
    if (last && Math.abs(clock.now() - last.at) < BELIEVED_MS) return last.reader;
    if (answers.size >= MAX_IDS) answers.clear();
    const reader = findReader(store, byRecord, id);
    answers.set(id, { at: clock.now(), reader });
    // An outage is no answer.
    reader.catch((error: unknown) => {
      if (!(error instanceof UndecodableError)) answers.delete(id);
    });
    return reader;
  }

  return {
    /** Notes the id under which this process has registered its own schema. */
    registered: (id: number, contract: Contract) => learn(id, { contract, resolver: undefined }),

    /**
     * Reads Avro bytes that were written with schema `id`.
     * @param type the event that the message says it is; absent: whatever the registry says
     * @throws SchemaMismatchError or UnknownSchemaError when even a new answer of the registry does not fit;
     *   OutageError when it does not answer
     */
    async read(id: number, bytes: Buffer, type?: string): Promise<{ type: EventType; data: unknown }> {
      const reader = known.get(id)?.find(({ contract }) => type === undefined || contract.type === type);
      const first = reader && attempt(reader, bytes);
      if (first && 'data' in first) return first;
      const asked = await ask(id);
      if (type !== undefined && asked.contract.type !== type)
        throw new SchemaMismatchError(`header ce_type says ${type}, but schema ${id} is ${asked.contract.record}`);
      const second = attempt(asked, bytes);
      if ('error' in second)
        throw new SchemaMismatchError(`not a ${asked.contract.record}: ${describe(second.error)}`, {
          cause: second.error,
        });
      learn(id, asked);
      return second;
    },
  };
}

function attempt(
  { contract, resolver }: Reader,
  bytes: Buffer,
): { type: EventType; data: unknown } | { readonly error: unknown } {
  try {
    return { type: contract.type, data: contract.avro.fromBuffer(bytes, resolver) };
  } catch (error) {
    return { error };
  }
}

async function findReader(store: SchemaStore, byRecord: ReadonlyMap<string, Contract>, id: number): Promise<Reader> {
  const writer = await store.fetch(id);
  if (!writer) throw new UnknownSchemaError(`schema ${id} is unknown to the registry`);
  const contract = byRecord.get(writer.name ?? '');
  if (!contract) throw new SchemaMismatchError(`schema ${id} is ${writer.name}, which is in no catalogue`);
  try {
    const same = contract.avro.equals(writer);
    const resolver = same ? undefined : contract.avro.createResolver(parseAvro(writer.schema({ exportAttrs: true })));
    return { contract, resolver };
  } catch (error) {
    throw new SchemaMismatchError(`schema ${id} cannot be read as ${contract.record}`, { cause: error });
  }
}
