import type { Answer, Operation } from '@shop/chassis/api';
import type { z } from 'zod';
import { ABOUT } from './about.ts';
import { type HeaderName, headerRefs, headersIn } from './headers.ts';
import { ProblemWriter } from './problems.ts';
import { type JsonSchema, SchemaWriter } from './schema.ts';

export interface Described extends Operation {
  /** Whether the gateway may send the last good answer while the service is away. */
  readonly shared?: boolean | undefined;
}

/** The OpenAPI 3.1 document of these operations, in their order. */
export function openApi(operations: readonly Described[]) {
  const schemas = new SchemaWriter();
  const problems = new ProblemWriter(schemas);
  const paths: { [path: string]: { [method: string]: unknown } } = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][operation.method.toLowerCase()] = describe(operation, schemas, problems);
  }
  const responses = sorted(problems.components);
  return {
    openapi: '3.1.0',
    ...ABOUT,
    paths,
    components: {
      schemas: sorted(schemas.components),
      responses,
      headers: headersIn(JSON.stringify([paths, responses])),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            '`sub` is the user; scope `ops` makes an operator. Where the demo is on, `POST /auth/demo-token` gives one.',
        },
      },
    },
  };
}

function describe(operation: Described, schemas: SchemaWriter, problems: ProblemWriter) {
  const { operationId, tag, summary, description, access, body } = operation;
  const parameters = [
    ...parametersOf('path', operation.params, schemas),
    ...parametersOf('query', operation.query, schemas),
    ...parametersOf('header', operation.headers, schemas),
  ];
  const answers = Object.entries(operation.answers).map(([status, answer]) => [
    status,
    describeAnswer(answer, operation.shared === true && status === '200', schemas),
  ]);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    security: access === 'public' ? [] : [{ bearer: access === 'ops' ? ['ops'] : [] }],
    'x-access': access,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: describeBody(body, schemas) } : {}),
    responses: sorted({ ...Object.fromEntries(answers), ...problems.write(operation) }),
  };
}

function parametersOf(where: 'path' | 'query' | 'header', fields: z.ZodObject | undefined, schemas: SchemaWriter) {
  if (!fields) return [];
  const { properties = {}, required = [] } = schemas.write(fields, 'input') as {
    properties?: { [name: string]: JsonSchema };
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: where,
    ...(description ? { description } : {}),
    required: where === 'path' || required.includes(name),
    schema,
  }));
}

function describeBody({ schema, required = true, examples }: NonNullable<Operation['body']>, schemas: SchemaWriter) {
  const named = Object.entries(examples).map(([summary, value]) => [
    summary.replace(/\W+(\w)/g, (_all, letter: string) => letter.toUpperCase()),
    { summary, value },
  ]);
  return {
    required,
    content: { 'application/json': { schema: schemas.write(schema, 'input'), examples: Object.fromEntries(named) } },
  };
}

function describeAnswer(answer: Answer, shared: boolean, schemas: SchemaWriter) {
  const { description, schema, mediaType = 'application/json', headers = {}, example, events, leadsTo = {} } = answer;
  const links = Object.entries(leadsTo).map(([operationId, member]) => [
    operationId,
    { operationId, parameters: { id: `$response.body#/${member}` } },
  ]);
  const own = Object.entries(headers).map(([name, header]) => {
    const { description: about, ...text } = schemas.write(header, 'output');
    return [name, { description: about, required: !header.safeParse(undefined).success, schema: text }];
  });
  const common: HeaderName[] = shared ? ['Age', 'Warning'] : [];
  return {
    description,
    headers: { ...headerRefs(common), ...Object.fromEntries(own) },
    ...(schema
      ? {
          content: {
            [mediaType]: {
              schema: {
                ...schemas.write(schema, 'output'),
                ...(events ? { contentSchema: schemas.write(events, 'output') } : {}),
              },
              ...(example === undefined ? {} : { example }),
            },
          },
        }
      : {}),
    ...(links.length > 0 ? { links: Object.fromEntries(links) } : {}),
  };
}

function sorted<T>(members: { [name: string]: T }): { [name: string]: T } {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}
