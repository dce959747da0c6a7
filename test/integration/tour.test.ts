import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fill, parseHttpFile } from '../support/http-file.ts';
import { expectOps } from '../support/ops.ts';
import { type System, startSystem } from '../support/system.ts';

const { variables, requests } = parseHttpFile(readFileSync(new URL('../../docs/api.http', import.meta.url), 'utf8'));
const answers = new Map<string, unknown>();
let system: System;
let values: ReadonlyMap<string, string>;

beforeAll(async () => {
  system = await startSystem({ auth: 'on' });
  await system.start('ops-console');
  await expectOps(system.stack, ['load-demo', '--execute']);
  values = new Map([...variables, ['host', system.api.baseUrl]]);
}, 120_000);

afterAll(() => system?.stop(), 60_000);

// In order, since each request uses earlier answers. Answers are also checked against the document.
it.each(requests.map((request) => [request.title, request] as const))(
  'when the tour of docs/api.http comes to "%s", then the answer is the expected one',
  async (_title, request) => {
    const { method, url, headers, body, name, expected } = request;
    const filled = (text: string) => fill(text, values, answers);
    const answer = await system.api.request(method, filled(url), {
      headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, filled(value)])),
      ...(body === undefined ? {} : { raw: filled(body) }),
    });
    expect([answer.status, answer.text]).toEqual([expected, answer.text]);
    if (name) answers.set(name, answer.body);
  },
);

it('when an operation is for users or operators, then the tour shows it', () => {
  const shown = new Set(requests.map(({ method, url }) => `${method} ${templateOf(url)}`));
  const missing = (system.api.contract?.operations ?? [])
    .filter((operation) => operation['x-access'] !== 'public' && !shown.has(`${operation.method} ${operation.path}`))
    .map(({ operationId }) => operationId);
  // This operation belongs to the other way of asking for a coupon.
  expect(missing).toEqual(['getCouponRequest']);
});

function templateOf(url: string): string {
  const path = url.replace('{{host}}', '').split('?')[0] ?? '';
  return path.replace(/\{\{[^}]+\}\}/, '{id}');
}
