import { type CommonProblem, DomainError, type Problem, type ProblemTable, renderProblem } from '@shop/chassis';
import { describes, type Operation } from '@shop/chassis/api';
import { z } from 'zod';
import { type HeaderName, type HeaderRef, headerRefs } from './headers.ts';
import { ALL_PROBLEMS } from './problem-tables.ts';
import type { JsonSchema, SchemaWriter } from './schema.ts';

const problemSchema = describes<Problem>()(
  z
    .looseObject({
      type: z.string().describe('`urn:problem:shop:` and the code'),
      title: z.string().describe('the code in words'),
      status: z.int().describe('the HTTP status'),
      code: z.enum(Object.keys(ALL_PROBLEMS)).describe('stable: what programs decide by'),
      detail: z.string().optional().describe('what happened in this case, for people'),
      traceId: z.string().optional().describe('under which the logs tell more'),
      errors: z
        .array(
          z.strictObject({
            path: z.string().describe('where in the request: `items.0.quantity`'),
            message: z.string().describe('what is wrong there'),
          }),
        )
        .optional()
        .describe('one for each wrong value'),
    })
    .meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457).' }),
);

/** Refusals that an operation may give besides its own problems. */
function commonProblems({ access, body, params, path }: Operation): CommonProblem[] {
  return [
    'VALIDATION_FAILED',
    ...(access === 'public' ? [] : (['UNAUTHENTICATED', 'FORBIDDEN'] as const)),
    // A path with an empty segment does not exist; operators' paths are not available everywhere.
    ...(params || path.startsWith('/ops/') ? (['NOT_FOUND'] as const) : []),
    'REQUEST_TIMEOUT',
    'EXPECTATION_FAILED',
    ...(body ? (['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) : []),
    'HEADERS_TOO_LARGE',
    'INTERNAL_ERROR',
    // Requests that monitor the gateway are never refused.
    ...(WATCHED.test(path) ? [] : (['URI_TOO_LONG', 'RATE_LIMITED', 'SERVICE_UNAVAILABLE'] as const)),
  ];
}

const WATCHED = /^\/(health\/|metrics$)/;

function problemOf(code: string): ProblemTable[string] {
  const problem = ALL_PROBLEMS[code];
  if (!problem) throw new Error(`no table of problems has the code ${code}`);
  return problem;
}

function exampleOf(code: string): Problem {
  return renderProblem(new DomainError<string>(code), undefined, ALL_PROBLEMS).body;
}

/** Headers of refusals, by status. */
const HEADERS: Readonly<Record<number, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

type Response = { description: string; headers: { [name: string]: HeaderRef }; content: { [type: string]: unknown } };

/** Renders the refusals of operations. Refusals with one code and no members of their own become components. */
export class ProblemWriter {
  readonly components: { [name: string]: Response } = {};
  readonly #schemas: SchemaWriter;

  constructor(schemas: SchemaWriter) {
    this.#schemas = schemas;
  }

  /** Status → response. */
  write(operation: Operation): { [status: string]: Response | { $ref: string } } {
    const own = operation.problems ?? [];
    const codes = [...new Set<string>([...own, ...commonProblems(operation)])];
    const byStatus = Map.groupBy(codes, (code) => problemOf(code).status);
    const responses = [...byStatus]
      .filter(([status]) => !(status in operation.answers))
      .map(([status, ofStatus]) => {
        const members = ofStatus.some((code) => own.includes(code)) ? operation.problemMembers : undefined;
        return [String(status), this.#response(status, ofStatus, members)] as const;
      });
    return Object.fromEntries(responses);
  }

  #response(status: number, codes: readonly string[], members?: z.ZodObject): Response | { $ref: string } {
    const [only] = codes;
    if (codes.length > 1 || !only || members) return this.#render(status, codes, members);
    const name = only.toLowerCase().replace(/(^|_)([a-z])/g, (_all, _line, letter: string) => letter.toUpperCase());
    this.components[name] ??= this.#render(status, codes);
    return { $ref: `#/components/responses/${name}` };
  }

  #render(status: number, codes: readonly string[], members?: z.ZodObject): Response {
    const own = members ? (this.#schemas.write(members, 'input').properties as { [name: string]: JsonSchema }) : {};
    const properties = { status: { const: status }, code: { enum: codes }, ...own };
    const examples = codes.map((code) => [code, { value: exampleOf(code) }]);
    return {
      description: `${codes.map((code) => `\`${code}\`: ${problemOf(code).title}`).join('; ')}.`,
      headers: headerRefs(HEADERS[status]),
      content: {
        'application/problem+json': {
          schema: { allOf: [this.#schemas.write(problemSchema, 'input'), { type: 'object', properties }] },
          examples: Object.fromEntries(examples),
        },
      },
    };
  }
}
