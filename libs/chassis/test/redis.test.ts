import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createLogger, createRedis, createWakeHints } from '../src/index.ts';
import { eventually, testServerUrl } from '../src/testing/index.ts';
import { openTcpGate, type TcpGate } from './tcp-gate.ts';

const lines: string[] = [];
const logger = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });

let gate: TcpGate;
beforeEach(async () => {
  testServerUrl();
  const { hostname, port } = new URL(process.env.REDIS_URL ?? '');
  gate = await openTcpGate(hostname, Number(port || 6379));
});
afterEach(async () => {
  for (const redis of clients.splice(0)) redis.disconnect();
  await gate.close();
});

const clients: Redis[] = [];
function connect(): Redis {
  const redis = createRedis(`redis://127.0.0.1:${gate.port}`, logger);
  clients.push(redis);
  return redis;
}

describe('redis', () => {
  it('when Redis goes away, then commands fail at once, the outage is logged once, and the client reconnects', async () => {
    const redis = connect();
    await once(redis, 'ready');
    expect(await redis.set('test:x', '1')).toBe('OK');
    await gate.cut();
    await eventually(() => redis.status !== 'ready');
    const start = performance.now();
    await expect(redis.get('test:x')).rejects.toThrow();
    expect(performance.now() - start).toBeLessThan(500);
    await eventually(() => lines.some((line) => line.includes('redis is away')));
    // Some attempts to reconnect fail meanwhile.
    for (let attempt = 0; attempt < 3; attempt++) await new Promise((resolve) => redis.once('reconnecting', resolve));
    await gate.open();
    expect(await eventually(() => redis.get('test:x').catch(() => undefined))).toBe('1');
    expect(lines.filter((line) => line.includes('redis is away'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('redis is back'))).toHaveLength(1);
  });

  it('when one instance publishes a hint, then the other wakes, also after an outage', async () => {
    const sender = createWakeHints({ redis: connect(), channel: 'test:wake' });
    const receiver = createWakeHints({ redis: connect(), channel: 'test:wake' });
    let woken = 0;
    receiver.onWake(() => woken++);
    const wakes = () =>
      eventually(() => {
        sender.publish();
        return woken > 0;
      });
    await wakes();
    await gate.cut();
    sender.publish();
    await gate.open();
    woken = 0;
    await wakes();
    await Promise.all([sender.close(), receiver.close()]);
  });
});
