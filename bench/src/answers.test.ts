import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'undici';
import { answerHandler } from './answers.ts';

describe('answers to a load', () => {
  let server: Server;
  let pool: Pool;

  beforeAll(async () => {
    // The path sets the answer: /<status>/<code>; /0 breaks the connection.
    server = createServer((request, response) => {
      const [, status = '', code] = request.url?.split('/') ?? [];
      if (status === '0') response.destroy();
      else response.writeHead(Number(status)).end(code ? JSON.stringify({ code }) : 'no JSON');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterAll(async () => {
    await pool.close();
    await new Promise((done) => server.close(done));
  });

  const ask = (path: string, expected: { good: number[]; goodCode?: string }) =>
    new Promise<string | undefined>((done) => {
      pool.dispatch({ method: 'GET', path }, answerHandler(expected, done));
    });

  it.each([
    ['/200', { good: [200] }, undefined],
    ['/200', { good: [202, 201] }, '200'],
    ['/503/SERVICE_UNAVAILABLE', { good: [200] }, '503 SERVICE_UNAVAILABLE'],
    ['/409/COUPON_SOLD_OUT', { good: [200] }, '409 COUPON_SOLD_OUT'],
    ['/409/COUPON_SOLD_OUT', { good: [409], goodCode: 'COUPON_SOLD_OUT' }, undefined],
    ['/409/COUPON_NOT_OPEN', { good: [409], goodCode: 'COUPON_SOLD_OUT' }, '409 COUPON_NOT_OPEN'],
    ['/0', { good: [200] }, 'UND_ERR_SOCKET'],
  ])('when the answer is %s and %o is expected, then the result is %s', async (path, expected, told) => {
    expect(await ask(path, expected)).toBe(told);
  });
});
