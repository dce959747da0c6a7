import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, type OrderBody, type Problem } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { rowCounts } from '../support/stack.ts';
import { type System, sharedSystem } from '../support/system.ts';
import { hostileRequests } from './hostile-input.ts';
import { rawRequests } from './hostile-raw.ts';

let system: System;
let userId: number;
let productId: number;

beforeAll(async () => {
  system = await sharedSystem();
  userId = await system.api.newUser(10_000);
  productId = await system.api.newProduct(100, 10);
  await untilIdle(system);
}, 120_000);

describe('input that no honest client sends', () => {
  it('when hostile input comes, then each request gets its documented problem, and no row of any schema changes', async () => {
    const before = await rowCounts(system.stack);
    const wrong: string[] = [];
    for (const { name, method = 'POST', path, body, raw, headers, status, code } of hostileRequests(
      userId,
      productId,
    )) {
      const answer = await system.api.request<Problem>(method, path, {
        ...(raw === undefined ? { body } : { raw }),
        ...(headers && { headers }),
      });
      const faults = [
        ...(answer.status === status ? [] : [`status ${answer.status}, not ${status}`]),
        ...problemFaults(answer.body, answer.headers, answer.status, code),
      ];
      if (faults.length > 0) wrong.push(`${name}: ${faults.join('; ')}: ${answer.text.slice(0, 200)}`);
    }
    expect(wrong.join('\n')).toBe('');
    expect(await rowCounts(system.stack)).toEqual(before);
    expect(await system.api.balance(userId)).toBe(10_000);
    expect(await system.api.stock(productId)).toBe(10);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('when a request is odd in form, then it gets its documented answer, never a 500, and no row changes', async () => {
    const placed = await system.api.placeOrder<OrderBody>(userId, [[productId, 1]], { wait: 30 });
    const { orderId } = expectStatus(placed, 201).body;
    await untilIdle(system);
    const before = await rowCounts(system.stack);
    const wrong: string[] = [];
    for (const { name, text, status, code } of rawRequests(userId, productId, orderId)) {
      const answer = await send(text);
      const head = answer.slice(0, answer.indexOf('\r\n\r\n'));
      const got = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
      const faults = [
        ...(got === status ? [] : [`status ${got}, not ${status}`]),
        ...(code === undefined || answer.includes(`"code":"${code}"`) ? [] : [`no ${code}`]),
        ...(got >= 400 && !/content-type: application\/problem\+json/i.test(head) ? ['not a problem+json'] : []),
      ];
      if (faults.length > 0)
        wrong.push(`${name}: ${faults.join('; ')}: ${answer.slice(head.length).trim().slice(0, 200)}`);
    }
    expect(wrong.join('\n')).toBe('');
    expect(await rowCounts(system.stack)).toEqual(before);
  });

  it('when hostile input is over, then honest orders go through and the audit is clean', async () => {
    expect((await system.api.placeOrder(userId, [[productId, 1]], { wait: 10 })).status).toBe(201);
    await expectCleanAudit(system);
  });
});

/** Sends bytes to the gateway; resolves with all that comes until the connection ends. */
function send(text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const { port, hostname } = new URL(system.api.baseUrl);
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (data) => (heard += data));
    socket.on('error', () => undefined).once('close', () => resolve(heard));
  });
}

/** Faults of an answer as an RFC 9457 problem of this API. */
function problemFaults(problem: Problem | undefined, headers: Headers, status: number, code: string): string[] {
  const faults: string[] = [];
  if (!headers.get('content-type')?.startsWith('application/problem+json')) faults.push('not a problem+json');
  if (!problem) return [...faults, 'no JSON body'];
  if (problem.code !== code) faults.push(`code ${problem.code}, not ${code}`);
  if (problem.status !== status) faults.push(`status ${problem.status} in the body`);
  for (const field of ['type', 'title', 'traceId'] as const) {
    if (typeof problem[field] !== 'string' || problem[field] === '') faults.push(`no ${field}`);
  }
  if (/\bat .*\.ts:|node_modules|SELECT |INSERT /.test(JSON.stringify(problem))) faults.push('it shows internals');
  return faults;
}
