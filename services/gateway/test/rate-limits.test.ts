import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, createMetrics } from '@shop/chassis';
import { eventually, testServerUrl } from '@shop/chassis/testing';
import { Redis } from 'ioredis';
import { openTcpGate, type TcpGate } from '../../../libs/chassis/test/tcp-gate.ts';
import { openRateLimits } from '../src/protect/rate-limits.ts';

// Instances of the gateway on the stack's Redis, each of which can be cut off from it.
const logger = createLogger({ service: 'test', level: 'silent' });
const cleanups: (() => Promise<void> | void)[] = [];
let gate: TcpGate;

beforeEach(async () => {
  testServerUrl();
  const { hostname, port } = new URL(process.env.REDIS_URL ?? '');
  gate = await openTcpGate(hostname, Number(port || 6379));
  cleanups.push(() => gate.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function instance({ requests = 10, seconds = 60, withRedis = true } = {}) {
  const redisServer = withRedis ? { url: `redis://127.0.0.1:${gate.port}` } : undefined;
  const metrics = createMetrics({ defaults: false });
  const limits = openRateLimits({ user: { requests, seconds }, address: undefined, redisServer, logger, metrics });
  cleanups.push(() => limits.stop());
  const left = (headers: readonly string[]) => Number(/r=(\d+)/.exec(headers.at(-1) ?? '')?.[1]);
  return {
    /** @returns the rest of the limit, undefined if there was none */
    ask(user: string): number | undefined {
      const headers: string[] = [];
      const refused = limits.limit.user(user, headers);
      return refused ? undefined : left(headers);
    },
    /** Takes as many as allowed. */
    takeAll(user: string): number {
      let taken = 0;
      while (this.ask(user) !== undefined) taken++;
      return taken;
    },
    common: async () => /^gateway_rate_limits_common 1$/m.test(await metrics.render()),
  };
}

/** Sends requests of other users until the instance has exchanged its counts. */
async function connected(...instances: ReturnType<typeof instance>[]): Promise<void> {
  for (const each of instances) {
    await eventually(() => {
      each.ask(randomUUID());
      return each.common();
    });
  }
}

describe('limits of several instances', () => {
  it('when a user spreads requests over two instances, then both count all of them', async () => {
    const [one, two] = [instance(), instance()];
    await connected(one, two);
    const user = randomUUID();
    for (let i = 0; i < 6; i++) one.ask(user);
    // Each look is a request too, so looking takes the last ones.
    await eventually(() => {
      const left = two.ask(user);
      return left === undefined || left < 4;
    });
    await eventually(() => two.ask(user) === undefined);
    await eventually(() => one.ask(user) === undefined);
  });

  it('when an instance is new, then it learns of an exhausted user within one exchange', async () => {
    const one = instance();
    await connected(one);
    const user = randomUUID();
    expect(one.takeAll(user)).toBe(10);
    const two = instance();
    await connected(two);
    let taken = 0;
    await eventually(() => {
      const left = two.ask(user);
      if (left !== undefined) taken++;
      return left === undefined;
    });
    expect(taken).toBeLessThanOrEqual(10);
    expect(two.ask(randomUUID())).toBe(9);
  });

  it('when a window ends, then it ends for all instances', async () => {
    const [one, two] = [instance({ requests: 3, seconds: 1 }), instance({ requests: 3, seconds: 1 })];
    await connected(one, two);
    const user = randomUUID();
    one.takeAll(user);
    await eventually(() => two.ask(user) === undefined);
    await eventually(() => two.ask(user) !== undefined, { timeoutMs: 2_000 });
  });

  it('when a thousand users ask within one exchange, then each is counted', async () => {
    const [one, two] = [instance(), instance()];
    await connected(one, two);
    const users = Array.from({ length: 1_000 }, () => randomUUID());
    for (const user of users) for (let i = 0; i < 9; i++) one.ask(user);
    const full = new Set<string>();
    await eventually(() => {
      for (const user of users) if (!full.has(user) && two.ask(user) === undefined) full.add(user);
      return full.size === users.length;
    });
  });
});

describe('without Redis', () => {
  it('when Redis goes away, then each instance limits alone without delay, and counts are shared again when it is back', async () => {
    const [one, two] = [instance(), instance()];
    await connected(one, two);
    await gate.cut();
    const user = randomUUID();
    const start = performance.now();
    expect(one.takeAll(user)).toBe(10);
    expect(two.takeAll(user)).toBe(10);
    expect(performance.now() - start).toBeLessThan(50);
    await eventually(async () => !(await one.common()));

    await gate.open();
    const late = instance();
    await connected(one, two, late);
    // The counts made meanwhile have been sent.
    await eventually(() => late.ask(user) === undefined);
    const other = randomUUID();
    for (let i = 0; i < 9; i++) one.ask(other);
    await eventually(() => two.ask(other) === undefined);
  });

  it('when Redis was never there, or is not configured, then the limits hold all the same', async () => {
    await gate.cut();
    expect(instance().takeAll('7')).toBe(10);
    expect(instance({ withRedis: false }).takeAll('7')).toBe(10);
  });

  it("when Redis loses everything, then counting continues from the instances' counts", async () => {
    const one = instance();
    await connected(one);
    const user = randomUUID();
    for (let i = 0; i < 5; i++) one.ask(user);
    const redis = new Redis(process.env.REDIS_URL ?? '');
    cleanups.push(() => redis.disconnect());
    await eventually(async () => (await redis.keys(`rate:user:${user}`)).length === 1);
    expect(await redis.pttl(`rate:user:${user}`)).toBeGreaterThan(50_000);
    await redis.del(`rate:user:${user}`);
    expect(one.ask(user)).toBe(4);
    await eventually(async () => (await redis.pttl(`rate:user:${user}`)) > 0);
  });
});
