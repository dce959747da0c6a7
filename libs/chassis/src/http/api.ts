/**
 * How a service describes its HTTP operations: in `src/http/operations.ts`, beside the schemas that validate them. The
 * documents and their tests read it; no running service does, but for types.
 */
import { z } from 'zod';
import { idempotencyKeySchema } from '../database/index.ts';
import { MAX_INTEGER } from './validate.ts';

/** Who may call: anybody, a user, or an operator (a token with scope `ops`). */
export type Access = 'public' | 'user' | 'ops';

/** What is sent in one direction: a body and headers. */
export interface Content {
  /** Left out where there is no body. */
  readonly schema?: z.ZodType;
  /** Default: application/json. */
  readonly mediaType?: string;
}

export interface Answer extends Content {
  readonly description: string;
  /** Name → schema of its text; optional ones may be missing. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
  readonly example?: unknown;
  /** Of a `text/event-stream`: what the data of each event is, as JSON. */
  readonly events?: z.ZodType;
  /** Operations that go on from here → the member of the body that is their `id`. */
  readonly leadsTo?: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly operationId: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** A template as the gateway knows it: `/orders/:id`. */
  readonly path: string;
  readonly access: Access;
  /** The chapter of the document it is in. */
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
    /** Name → a body that works on the demo data. The first is what is tried. */
    readonly examples: Readonly<Record<string, unknown>>;
  };
  /** Status → what a call that went well is told. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes of its own refusals; what any operation may be refused for is added by the document. */
  readonly problems?: readonly string[];
  /** Further members of those problems. */
  readonly problemMembers?: z.ZodObject;
}

/**
 * How much a request matters when not all can be served. `finish` ends something that was begun, or operates the shop;
 * `begin` starts something new; `browse` only looks. Browsing is refused first, and what finishes something last.
 */
export type RequestClass = 'finish' | 'begin' | 'browse';

/** An operation that the gateway passes on: its route is made of this (`npm run generate`). */
export interface PassedOperation extends Operation {
  /** Which requests are refused before it when not all can be served. */
  readonly class: RequestClass;
  /** It can wait for an outcome: `Prefer: wait`. */
  readonly waits?: true;
  /** The answer goes on until something has come to its end. */
  readonly stream?: true;
  /** A read that is the same for everybody: its last good answer is better than none. */
  readonly lastGood?: true;
}

/** What handlers may give to `response.json` so that it is sent as `S` says: dates become text. */
export type Sent<S extends z.ZodType> = Unsent<z.output<S>>;

type Unsent<T> = T extends string
  ? T | Date
  : T extends readonly (infer Item)[]
    ? readonly Unsent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Unsent<T[Key]> }
      : T;

/**
 * `schema`, where it says of an answer just what the handlers' own type (`Shown`) says; otherwise it does not compile.
 */
export function describes<Shown>() {
  return <S extends z.ZodType>(schema: S & Describes<Shown, S>): S => schema;
}

type Describes<Shown, S extends z.ZodType> = [Shown] extends [Sent<S>]
  ? [keyof z.output<S>, z.output<S>] extends [keyof Shown, AsSent<Shown>]
    ? unknown
    : Differs<Shown, S>
  : Differs<Shown, S>;
/** Whatever must be there for the handlers, at any depth, is in the schema too. */
type AsSent<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly AsSent<Item>[]
    : T extends object
      ? { readonly [Key in keyof T as undefined extends T[Key] ? never : Key]: AsSent<T[Key]> } & {
          // JSON leaves out what is undefined.
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

/** Request headers of whatever has an effect. */
export const idempotencyHeaders = z.object({ 'Idempotency-Key': idempotencyKeySchema.optional() });

/** Request headers of reads that are the same for everybody. */
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

/** Response headers that several operations have. */
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

/** Possible answers to a read that is the same for everybody. */
export function sharedAnswers(good: Answer): { readonly 200: Answer; readonly 304: Answer } {
  return {
    200: { ...good, headers: { ...sharedHeaders, ...good.headers } },
    304: { description: 'The client has the answer already (`If-None-Match`).', headers: sharedHeaders },
  };
}
