import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createLogger, createRedis, OutageError } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { connectRedis, testStack } from '../../../test/support/stack.ts';
import { createRedisDoor, type RedisDoor } from '../src/db/door.ts';

// Policies not used by any other test.
const [WELL, BROKEN] = [1_900_000_001, 1_900_000_002];
const holders = (couponPolicyId: number) => `coupon:{${couponPolicyId}}:holders`;

let redis: Redis;
let door: RedisDoor;

beforeAll(async () => {
  redis = connectRedis(testStack());
  const logger = createLogger({ service: 'coupon', level: 'silent' });
  const client = createRedis(testStack().env.REDIS_URL ?? '', logger);
  if (client.status !== 'ready') await new Promise((ready) => client.once('ready', ready));
  door = createRedisDoor({ redis: client });
});
afterAll(async () => {
  await redis.del(...[WELL, BROKEN].flatMap((id) => [holders(id), `coupon:{${id}}:total`]));
  await door?.stop();
  redis?.disconnect();
});

it('when many users ask at once and one policy fails, then those of other policies have their places and tokens', async () => {
  for (const id of [WELL, BROKEN]) await door.open(id, 5, 0);
  await redis.set(holders(BROKEN), 'no hash');
  const knock = (couponPolicyId: number, userId: number) =>
    door.enter({ couponPolicyId, userId, totalQuantity: 5, take: true });
  const [first, refused, second] = await Promise.allSettled([knock(WELL, 1), knock(BROKEN, 2), knock(WELL, 3)]);
  expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(OutageError) });
  const places = await redis.hgetall(holders(WELL));
  for (const [userId, entry] of [
    ['1', first],
    ['3', second],
  ] as const)
    expect(entry).toEqual({ status: 'fulfilled', value: { kind: 'PLACE', token: places[userId] } });
});
