/**
 * How a service describes its HTTP operations: in `src/http/operations.ts`, beside the schemas that validate them. Only
 * the documents and their tests read the descriptions; a running service uses only their types.
 */
import { z } from 'zod';
import { idempotencyKeySchema } from '../database/index.ts';
import { MAX_INTEGER } from './validate.ts';

/** Required caller: anybody, a user, or an operator (a token with scope `ops`). */
export type Access = 'public' | 'user' | 'ops';

/** The content of one direction: a body and headers. */
export interface Content {
  /** Left out where there is no body. */
  readonly schema?: z.ZodType;
  /** Default: application/json. */
  readonly mediaType?: string;
}

export interface Answer extends Content {
  readonly description: string;
  /** Name → schema of the header's text; optional headers may be missing. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
  readonly example?: unknown;
  /** The data of each event of a `text/event-stream`, as JSON. */
  readonly events?: z.ZodType;
  /** Follow-up operations → the member of the body that is their `id`. */
  readonly leadsTo?: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly operationId: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Path template in the gateway's form: `/orders/:id`. */
  readonly path: string;
  readonly access: Access;
  /** The chapter of the document. */
  readonly tag: string;
  readonly summary: string;
  /** Markdown. */
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: {
    readonly schema: z.ZodType;
    /** False where the body may be missing. */
    readonly required?: boolean;
    /** Name → a body that works on the demo data. The first one is preset for trying the operation. */
    readonly examples: Readonly<Record<string, unknown>>;
  };
  /** Status → answer of a successful call. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes of the operation's own refusals; the document adds those that any operation may have. */
  readonly problems?: readonly string[];
  /** Further members of those problems. */
  readonly problemMembers?: z.ZodObject;
}

/**
 * Priority of a request when not all can be served. `finish` ends something that was begun, or operates the shop;
 * `begin` starts something new; `browse` only reads. `browse` is refused first, `finish` last.
 */
export type RequestClass = 'finish' | 'begin' | 'browse';

/** An operation that the gateway forwards: `npm run generate` makes the gateway's route of it. */
export interface PassedOperation extends Operation {
  /** Priority under overload. */
  readonly class: RequestClass;
  /** The operation can wait for an outcome: `Prefer: wait`. */
  readonly waits?: true;
  /** The answer is a stream that lasts until its subject has ended. */
  readonly stream?: true;
  /**
   * A read that is the same for all clients: for a quarter of a second one answer serves them all, and while the
   * service gives none, or there is too much, its last good answer does.
   */
  readonly shared?: true;
}

/** The values that handlers may give to `response.json` to match `S`: dates become text. */
export type Sent<S extends z.ZodType> = Unsent<z.output<S>>;

type Unsent<T> = T extends string
  ? T | Date
  : T extends readonly (infer Item)[]
    ? readonly Unsent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Unsent<T[Key]> }
      : T;

/** Returns `schema` unchanged. It compiles only if the schema of an answer matches the handlers' own type (`Shown`). */
export function describes<Shown>() {
  return <S extends z.ZodType>(schema: S & Describes<Shown, S>): S => schema;
}

/** The members that a type names, without an index signature. */
type Named<T> = keyof { [Key in keyof T as string extends Key ? never : number extends Key ? never : Key]: T[Key] };

type Describes<Shown, S extends z.ZodType> = [Shown] extends [Sent<S>]
  ? [keyof z.output<S>, Named<Shown>, z.output<S>] extends [keyof Shown, keyof z.output<S>, AsSent<Shown>]
    ? unknown
    : Differs<Shown, S>
  : Differs<Shown, S>;
/**
 * A type in which all members required by the handlers, at any depth, must also be in the schema. (That the optional
 * ones are there too is checked at the top.)
 */
type AsSent<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly AsSent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T as undefined extends T[Key] ? never : Key]: AsSent<T[Key]> } & {
          // JSON omits undefined members.
          readonly [Key in keyof T as undefined extends T[Key] ? Key : never]?: AsSent<T[Key]> | undefined;
        }
      : T;

interface Differs<Shown, S extends z.ZodType> {
  readonly handlersShow: Shown;
  readonly schemaSays: z.output<S>;
}

export const wonSchema = z.int().min(0).max(MAX_INTEGER);
export const timeSchema = z.iso.datetime().meta({ examples: ['2026-03-01T09:30:00.000Z'] });
export const uuidSchema = z.uuid().meta({ examples: ['0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10'] });

/** A page of a list, as `toPage` makes it. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    items: z.array(item).describe('at most `limit` of them'),
    nextCursor: z
      .string()
      .nullable()
      .describe('`cursor` of the next page, to be passed on as it is; null on the last page'),
  });
}

/** Request headers of every operation with an effect. */
export const idempotencyHeaders = z.object({ 'Idempotency-Key': idempotencyKeySchema.optional() });

/** Request headers of reads that are the same for all clients. */
export const sharedReadHeaders = z.object({
  'If-None-Match': z.string().optional().meta({
    description: 'ETags of answers that the client has: 304 when one of them is still right.',
    pattern: '^[ -~]*$',
  }),
  'Cache-Control': z.string().optional().meta({
    description: '`no-cache`: what is true now, instead of what was true less than a second ago.',
    pattern: '^[ -~]*$',
  }),
});

/** Response headers shared by several operations. */
export const answerHeaders = {
  replayed: z
    .literal('true')
    .optional()
    .describe('There when an earlier request with the same Idempotency-Key had the effect: this one had none.'),
  preferenceApplied: z.string().optional().describe('The part of `Prefer` that was followed (RFC 7240).'),
  etag: z
    .string()
    .regex(/^"[\w-]{22}"$/)
    .optional()
    .describe('For `If-None-Match`: the same for the same body. Missing in a last good answer.'),
  cacheControl: z
    .string()
    .optional()
    .describe('Whether it may be shown again without asking. Missing in a last good answer.'),
  location: z.string().describe('The path of what came into being.'),
} as const;

const sharedHeaders = { ETag: answerHeaders.etag, 'Cache-Control': answerHeaders.cacheControl };

/** Possible answers to a read that is the same for all clients. */
export function sharedAnswers(good: Answer): { readonly 200: Answer; readonly 304: Answer } {
  return {
    200: { ...good, headers: { ...sharedHeaders, ...good.headers } },
    304: { description: 'The client has the answer already (`If-None-Match`).', headers: sharedHeaders },
  };
}
