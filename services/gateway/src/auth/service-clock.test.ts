import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { createLogger, createMetrics } from '@shop/chassis';
import { openServiceClock } from './service-clock.ts';

const AHEAD_MS = 90_000;
const AWAY = 'http://127.0.0.1:1';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function service(body: () => object): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(body()))).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closing.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const runtime = {
  logger: createLogger({ service: 'gateway', instance: 'test', level: 'silent' }),
  metrics: createMetrics({ defaults: false }),
  repeat: () => ({ trigger: () => undefined }),
};

it('when services tell another time than this machine, then the gateway goes by theirs, whichever is away or has none', async () => {
  const [right, without] = await Promise.all([
    service(() => ({ status: 'ok', time: Date.now() + AHEAD_MS })),
    service(() => ({ status: 'ok' })),
  ]);
  const clock = await openServiceClock(runtime, [AWAY, without, right]);
  expect(clock.isCompared).toBe(true);
  expect(Math.abs(clock.now() - Date.now() - AHEAD_MS)).toBeLessThan(2_000);
});

it('when no service answers, then the gateway begins with its own time', async () => {
  const clock = await openServiceClock(runtime, [AWAY]);
  expect(clock.isCompared).toBe(false);
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(2_000);
});
