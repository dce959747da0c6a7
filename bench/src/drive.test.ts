import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { drive } from './drive.ts';

/** A process is started for each load, hence the time, ms. */
const TIMEOUT = 30_000;

/** The generator against a server that only notes its requests. */
describe('the generator', () => {
  let server: Server;
  let asked: { userId: number; couponPolicyId: number }[];
  let answer: (count: number) => { status: number; body: object };

  beforeEach(async () => {
    asked = [];
    answer = () => ({ status: 200, body: {} });
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        asked.push(JSON.parse(text));
        const { status, body } = answer(asked.length);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(() => new Promise((done) => server.close(done)));

  const run = (expects: 'issued' | 'sold-out', targets = 1) => {
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return drive(
      {
        targets: Array.from({ length: targets }, () => target),
        traffic: { kind: 'coupons', couponPolicyId: 3, firstUser: 11, expects },
        rate: 100,
        warmupSeconds: 0.25,
        seconds: 0.5,
        run: 'test',
      },
      () => [],
    );
  };

  it(
    'when a plan has a lead-in, then each request is sent once, and only those of the window count',
    async () => {
      const { load, cpu } = await run('issued', 2);
      expect(asked.map(({ userId }) => userId).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 75 }, (_, i) => 11 + i),
      );
      expect(load).toMatchObject({ offered: 50, accepted: 50, failures: {} });
      expect(load.answer.count).toBe(50);
      expect(Math.round(load.to - load.from)).toBe(500);
      expect(cpu.processes.map(({ name }) => name)).toEqual(['generator']);
    },
    TIMEOUT,
  );

  it(
    'when an answer is not the right one, then it is counted apart',
    async () => {
      answer = () => ({ status: 409, body: { code: 'COUPON_SOLD_OUT' } });
      expect((await run('sold-out')).load).toMatchObject({ accepted: 50, failures: {} });
      expect((await run('issued')).load).toMatchObject({ accepted: 0, failures: { '409 COUPON_SOLD_OUT': 50 } });
    },
    TIMEOUT,
  );
});
