import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { within } from '@shop/chassis';
import avsc from 'avsc';
import { describe, OutageError } from '../errors.ts';

/** Where schemas are kept by id. */
export interface SchemaStore {
  /** Registers `schema` (JSON text) under `subject` and answers its id. OutageError when it should be tried again. */
  register(subject: string, schema: string): Promise<number>;
  /** The schema with that id; undefined if there is definitely none. OutageError when it could not be asked. */
  fetch(id: number): Promise<avsc.Type | undefined>;
}

/** How long an answer is waited for, ms. */
const TIMEOUT_MS = 5_000;
/** For a subject whose answers came too late: twice as long each time, up to this, ms. */
const MAX_PATIENCE_MS = 60_000;

/** An answer did not come in time. It may still be at work, and done when it is asked for again. */
class LateError extends OutageError {}

/**
 * A Confluent-compatible registry. Subjects are record names, compatibility is FULL_TRANSITIVE.
 *
 * Many services that start at once can make it slow. A schema is therefore looked up before it is registered, which
 * costs it little, and finds what a request did that was given up here; and whoever was answered too late waits longer
 * the next time, so that no load makes everybody begin again for ever.
 */
export function createRegistry(url: string, { timeoutMs = TIMEOUT_MS } = {}): SchemaStore {
  const registry = new SchemaRegistry({ host: url, clientId: 'shop', retry: { retries: 0 } });
  const patience = new Map<string, number>();

  async function findOrRegister(subject: string, schema: string, limitMs: number): Promise<number> {
    const avro = { type: SchemaType.AVRO, schema } as const;
    const known = await answered(
      registry.getRegistryIdBySchema(subject, avro).catch((error: unknown) => {
        // It knows no such schema or subject: the client takes the status of that answer away, and of no other.
        if (nameOf(error) === 'ConfluentSchemaRegistryError') return undefined;
        throw error;
      }),
      limitMs,
    );
    // Whoever registered it may have died before it set the level.
    if (known !== undefined && (await levelOf(url, subject, limitMs)) === COMPATIBILITY.FULL_TRANSITIVE) return known;
    // The level is given in every call: without it the client would set a new subject to BACKWARD.
    const options = { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE };
    return (await answered(registry.register(avro, options), limitMs)).id;
  }

  return {
    async register(subject, schema) {
      const limitMs = patience.get(subject) ?? timeoutMs;
      try {
        return await findOrRegister(subject, schema, limitMs);
      } catch (error) {
        if (error instanceof LateError) patience.set(subject, Math.min(2 * limitMs, MAX_PATIENCE_MS));
        if (lostRace(error)) {
          // A second try finds it whole. Whoever was first may have died before it set the level: set it, twice is
          // harmless.
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
        const schema = await answered(registry.getSchema(id), timeoutMs);
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

/** The subject's own level; undefined while it has none. */
async function levelOf(url: string, subject: string, limitMs: number): Promise<string | undefined> {
  const signal = AbortSignal.timeout(limitMs);
  try {
    const answer = await fetch(`${url}/config/${encodeURIComponent(subject)}`, { signal });
    if (!answer.ok) return undefined;
    return ((await answer.json()) as { compatibilityLevel?: string }).compatibilityLevel;
  } catch (error) {
    throw signal.aborted ? new LateError(`no answer for ${limitMs} ms`) : error;
  }
}

/** The client has no time-out of its own. */
function answered<T>(request: Promise<T>, limitMs: number): Promise<T> {
  return within(limitMs, request, () => new LateError(`no answer for ${limitMs} ms`));
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}

/**
 * Another instance registers the same new subject at this moment: the registry says that something "already exists" (an
 * incompatible schema it refuses in other words), or the subject is there and its level is not, which reads as NONE.
 */
function lostRace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isHalfMade = error.name === 'ConfluentSchemaRegistryCompatibilityError' && error.message.includes('!= NONE');
  return isHalfMade || (statusOf(error) === 409 && error.message.includes('already exists'));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
