import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { ROUTES } from '../services/gateway/src/routes.generated.ts';
import { asyncApiProblems } from './asyncapi/check.ts';
import { ASYNCAPI_FILE, OPENAPI_FILE, renderDocuments } from './documents.ts';
import { committed } from './generated-file.ts';
import { renderLists } from './lists.ts';
import { openApiProblems } from './openapi/check.ts';
import { ALL_OPERATIONS } from './openapi/operations.ts';

// The linters alone take seconds on a busy machine.
jest.setTimeout(60_000);

const documents = renderDocuments();
const textOf = (path: string) => documents.find((document) => document.path === path)?.text ?? '';

it.each(documents)('when a schema has changed, then the committed $path has too', (document) => {
  expect(committed(document)).toBe(document.text);
});

it.each(renderLists())('when a service has come, gone or changed its parts, then $path has too', (list) => {
  expect(committed(list)).toBe(list.text);
});

// Written by hand, apart from the declared operations: a slip there must not open the gateway.
const PUBLIC = ['GET /products', 'GET /products/popular', 'GET /products/:id', 'GET /coupon-policies'];
const OPERATORS = [
  'POST /products',
  'PATCH /products/:id',
  'POST /coupon-policies',
  'POST /coupon-policies/:id/end',
  'GET /ops/status',
  'POST /ops/audit',
  'GET /ops/audit/:id',
  'POST /ops/rush',
  'GET /ops/rush/:id',
  'GET /ops/rush/:id/events',
];

it('when an operation needs no token, or an operator’s, then the list by hand says so too', () => {
  const of = (wanted: string) =>
    ROUTES.filter(({ access }) => access === wanted).map(({ method, path }) => `${method} ${path}`);
  expect(of('public').toSorted()).toEqual(PUBLIC.toSorted());
  expect(of('ops').toSorted()).toEqual(OPERATORS.toSorted());
});

it('when a body is an example, then its schema accepts it', () => {
  const refused = ALL_OPERATIONS.flatMap(({ operationId, body }) =>
    Object.entries(body?.examples ?? {})
      .filter(([, example]) => !body?.schema.safeParse(example).success)
      .map(([name]) => `${operationId}: ${name}`),
  );
  expect(refused).toEqual([]);
});

it('when the way of an order is walked, then each of its files is there, and none is opened twice', () => {
  const guides = join(import.meta.dirname, '../docs/guides');
  const text = readFileSync(join(guides, 'the-way-of-an-order.md'), 'utf8');
  const files = [...text.matchAll(/\]\(([^)]+\.ts)\)/g)].map(([, path = '']) => path);
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((file) => !existsSync(join(guides, file)))).toEqual([]);
  expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([]);
});

describe('the OpenAPI document', () => {
  it('when a field or parameter exists, then the OpenAPI document describes it', () => {
    const mute: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const { properties, parameters } = value as { properties?: object; parameters?: object[] };
      const told = [
        ...Object.entries(properties ?? {}),
        ...(parameters ?? []).map((it) => [(it as { name: string }).name, it]),
      ];
      for (const [name, field] of told) {
        const { description, $ref, const: only, enum: some } = field as Record<string, unknown>;
        if (!(description ?? $ref ?? only ?? some)) mute.push(`${path}/${name}`);
      }
      for (const [name, member] of Object.entries(value)) {
        if (name !== 'examples' && name !== 'links') visit(member, `${path}/${name}`);
      }
    };
    visit(JSON.parse(textOf(OPENAPI_FILE)), '');
    expect(mute).toEqual([]);
  });

  it('when the OpenAPI document is invalid, then the check says where', async () => {
    expect(await openApiProblems(textOf(OPENAPI_FILE))).toEqual([]);
    const broken = textOf(OPENAPI_FILE).replaceAll('"operationId": "getOrder"', '"operationId": "listOrders"');
    expect(await openApiProblems(broken)).toEqual([expect.stringMatching(/operationId.*unique/i)]);
  });
});

describe('the AsyncAPI document', () => {
  it('when the AsyncAPI document is invalid, then the check says where', () => {
    const text = textOf(ASYNCAPI_FILE);
    expect(asyncApiProblems(JSON.parse(text))).toEqual([]);
    expect(asyncApiProblems(JSON.parse(text.replace('"action": "receive"', '"action": "hear"')))).not.toEqual([]);
    expect(asyncApiProblems(JSON.parse(text.replace('messages/order-created"', 'messages/order-made"')))).toEqual([
      expect.stringContaining('order-made leads nowhere'),
    ]);
  });
});
