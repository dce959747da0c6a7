import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { type RegistryAccess, within } from '@shop/chassis';
import avsc from 'avsc';
import { describe, OutageError } from '../errors.ts';
import { type AskRegistry, registryCalls } from './registry-calls.ts';

/** Stores schemas by id. */
export interface SchemaStore {
  /** Registers `schema` (JSON text) under `subject` and returns its id. Throws OutageError when a retry may help. */
  register(subject: string, schema: string): Promise<number>;
  /**
   * The schema with that id; undefined if there is definitely none. Throws OutageError when the store did not answer.
   */
  fetch(id: number): Promise<avsc.Type | undefined>;
}

/** Longest wait for an answer, ms. */
const TIMEOUT_MS = 5_000;
/** Longest wait for a subject whose answers came too late: the wait doubles each time up to this, ms. */
const MAX_PATIENCE_MS = 60_000;

/** An answer did not come in time. The registry may still be working on the request, and be done at the next try. */
class LateError extends OutageError {}

/**
 * A Confluent-compatible registry. Subjects are record names, compatibility is FULL_TRANSITIVE.
 *
 * Many services starting at once can make the registry slow. Therefore a schema is looked up before it is registered: a
 * lookup is cheap and finds the result of a request whose answer came too late here. After each late answer the client
 * waits longer for the next, so that load cannot make all services start over for ever.
 */
// One function: both methods share the client, and registering needs the patience of its subject before and after.
export function createRegistry(
  address: string,
  {
    access,
    timeoutMs = TIMEOUT_MS,
  }: { readonly access?: RegistryAccess | undefined; readonly timeoutMs?: number } = {},
): SchemaStore {
  const { url, login, agent, ask, fault } = registryCalls(address, access);
  const registry = new SchemaRegistry({
    host: url,
    clientId: 'shop',
    retry: { retries: 0 },
    ...(login && { auth: login }),
    ...(agent && { agent }),
  });
  const patience = new Map<string, number>();

  async function findOrRegister(subject: string, schema: string, limitMs: number): Promise<number> {
    const avro = { type: SchemaType.AVRO, schema } as const;
    const known = await answered(
      registry.getRegistryIdBySchema(subject, avro).catch((error: unknown) => {
        // The registry knows no such schema or subject: the client drops the status of this answer only.
        if (nameOf(error) === 'ConfluentSchemaRegistryError') return undefined;
        throw error;
      }),
      limitMs,
    );
    // The process that registered the schema may have died before it set the level.
    if (known !== undefined && (await levelOf(ask, subject, limitMs)) === COMPATIBILITY.FULL_TRANSITIVE) return known;
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
          // A second try finds the subject complete. Its creator may have died before setting the level; setting it
          // twice is harmless.
          await setLevel(ask, subject);
          throw new OutageError(`${subject} is being registered by another`, { cause: error });
        }
        const status = statusOf(error);
        const refused = status === 409 || status === 422 || nameOf(error).startsWith('ConfluentSchemaRegistry');
        if (refused) throw new Error(`the registry refuses ${subject}: ${describe(error)}`, { cause: error });
        throw new OutageError(`registering ${subject}: ${fault(error) ?? describe(error)}`, { cause: error });
      }
    },

    // Not through the client: it would remember an answer for ever, also when the registry was made anew since.
    async fetch(id) {
      try {
        const answer = await ask(`/schemas/ids/${id}`, { signal: AbortSignal.timeout(timeoutMs) });
        const body = (await answer.json().catch(() => ({}))) as SchemaAnswer;
        if (answer.status === 404 && saysUnknown(body)) return undefined;
        if (!answer.ok || body.schema === undefined) throw new Error(`it answers ${answer.status}`);
        // A schema of another kind (JSON, Protobuf) belongs to another system.
        return (body.schemaType ?? 'AVRO') === 'AVRO' ? parse(body.schema) : undefined;
      } catch (error) {
        throw new OutageError(`schema ${id}: ${describe(error)}`, { cause: error });
      }
    },
  };
}

interface SchemaAnswer {
  readonly schema?: string;
  readonly schemaType?: string;
  readonly error_code?: number;
}

/**
 * Whether a 404 is the registry's own: only then it has a code of five digits, 40403 as a rule. An ingress whose
 * registry is away, or a path that is wrong, is answered with 404 as well.
 */
function saysUnknown({ error_code: code = 0 }: SchemaAnswer): boolean {
  return code > 40_400 && code < 40_500;
}

/** @returns undefined for a schema that is not valid: another system's too */
function parse(schema: string): avsc.Type | undefined {
  try {
    return avsc.Type.forSchema(JSON.parse(schema) as avsc.Schema);
  } catch {
    return undefined;
  }
}

async function setLevel(ask: AskRegistry, subject: string): Promise<void> {
  await ask(`/config/${encodeURIComponent(subject)}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ compatibility: COMPATIBILITY.FULL_TRANSITIVE }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => {}); // The next registration tries again.
}

/** The subject's own level; undefined while it has none. */
async function levelOf(ask: AskRegistry, subject: string, limitMs: number): Promise<string | undefined> {
  const signal = AbortSignal.timeout(limitMs);
  try {
    const answer = await ask(`/config/${encodeURIComponent(subject)}`, { signal });
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
 * Another instance is registering the same new subject at this moment. The registry answers that something "already
 * exists" (it refuses an incompatible schema in other words), or the subject exists without its level, which reads as
 * NONE.
 */
function lostRace(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isHalfMade = error.name === 'ConfluentSchemaRegistryCompatibilityError' && error.message.includes('!= NONE');
  return isHalfMade || (statusOf(error) === 409 && error.message.includes('already exists'));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
