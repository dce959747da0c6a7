import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';
import { describe, OutageError } from './errors.ts';

/** Where schemas are kept by id. */
export interface SchemaStore {
  /** Registers `schema` (JSON text) under `subject` and answers its id. OutageError when it should be tried again. */
  register(subject: string, schema: string): Promise<number>;
  /** The schema with that id; undefined if there is definitely none. OutageError when it could not be asked. */
  fetch(id: number): Promise<avsc.Type | undefined>;
}

const TIMEOUT_MS = 5_000;

/** A Confluent-compatible registry. Subjects are record names, compatibility is FULL_TRANSITIVE. */
export function createRegistry(url: string): SchemaStore {
  const registry = new SchemaRegistry({ host: url, clientId: 'shop', retry: { retries: 0 } });
  return {
    async register(subject, schema) {
      try {
        // The level is given in every call: without it the client would set a new subject to BACKWARD.
        const options = { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE };
        const { id } = await answered(registry.register({ type: SchemaType.AVRO, schema }, options));
        return id;
      } catch (error) {
        if (lostRace(error)) {
          // A second try finds it whole. Whoever was first may have died before it set the level: set it, twice is harmless.
          await setLevel(url, subject);
          throw new OutageError(`${subject} is being registered by another`, { cause: error });
        }
        const status = statusOf(error);
        const refused = status === 409 || status === 422 || nameOf(error).startsWith('ConfluentSchemaRegistry');
        if (refused) throw new Error(`the registry refuses ${subject}: ${describe(error)}`, { cause: error });
        throw new OutageError(`registering ${subject}: ${describe(error)}`, { cause: error });
      }
    },

    async fetch(id) {
      try {
        const schema = await answered(registry.getSchema(id));
        // A schema of another kind (JSON, Protobuf) is none of ours.
        return schema instanceof avsc.Type ? schema : undefined;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw new OutageError(`schema ${id}: ${describe(error)}`, { cause: error });
      }
    },
  };
}

async function setLevel(url: string, subject: string): Promise<void> {
  await fetch(`${url}/config/${encodeURIComponent(subject)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ compatibility: COMPATIBILITY.FULL_TRANSITIVE }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => {}); // Tried again with the next registration.
}

/** The client has no time-out of its own. */
async function answered<T>(request: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutageError(`no answer for ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  try {
    return await Promise.race([request, late]);
  } finally {
    clearTimeout(timer);
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}

/**
 * Another instance registers the same new subject at this moment: the registry says that something "already exists"
 * (an incompatible schema it refuses in other words), or the subject is there and its level is not, which reads as NONE.
 */
function lostRace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isHalfMade = error.name === 'ConfluentSchemaRegistryCompatibilityError' && error.message.includes('!= NONE');
  return isHalfMade || (statusOf(error) === 409 && error.message.includes('already exists'));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
