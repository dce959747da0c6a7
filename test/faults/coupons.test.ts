import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type PooledDatabase } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { type ServiceProcess, type Stack, startService } from '../../deploy/local/stack.ts';
import { signedCalls } from '../../ops/src/signed-call.ts';
import { Api, type HeadersFor, nextUserId } from '../support/api.ts';
import { type Rush, startRush, type Told } from '../support/coupon-rush.ts';
import { eventually } from '../support/eventually.ts';
import { connectRedis, testStack, wipe } from '../support/stack.ts';

const USERS = 2_000;
const COUPONS = 300;
const ENV = { DOOR_PLACE_STALE_MS: '1000', RECONCILE_EVERY_MS: '500' };

let stack: Stack;
let service: ServiceProcess;
let database: PooledDatabase;
let redis: Redis;
let api: Api;
let headersFor: HeadersFor;

beforeAll(async () => {
  stack = testStack();
  await wipe(stack);
  await start();
  database = createDatabase({ url: stack.env.COUPON_DATABASE_URL ?? '' });
  redis = connectRedis(stack);
  headersFor = signedCalls(stack.env.INTERNAL_KEYS);
  api = new Api(service.url, headersFor);
}, 120_000);

afterAll(async () => {
  redis?.disconnect();
  await database?.close();
  if (!(await service?.stop())) throw new Error(`coupon did not stop in time:\n${service.output(20)}`);
}, 60_000);

async function start(): Promise<void> {
  service = await startService(stack, { service: 'coupon', env: ENV });
  await service.ready().catch((error: unknown) => {
    throw new Error(`coupon did not start:\n${service.output(30)}`, { cause: error });
  });
}

const newUsers = (count: number) => Array.from({ length: count }, nextUserId);

const newPolicy = (totalQuantity: number) => api.newPolicy({ name: 'Rush', totalQuantity });

/** User id → coupon id, from the database. The counter must equal their number. */
async function issuedCoupons(couponPolicyId: number): Promise<Map<number, string>> {
  const rows = await database.query<{ userId: number; couponId: string; counter: number }>(
    `SELECT c.user_id AS userId, c.coupon_id AS couponId, p.issued_count AS counter
       FROM coupons c JOIN coupon_policies p ON p.coupon_policy_id = c.coupon_policy_id WHERE c.coupon_policy_id = ?`,
    [couponPolicyId],
  );
  const coupons = new Map(rows.map((it) => [it.userId, it.couponId]));
  expect(rows.length).toBe(coupons.size);
  expect(rows[0]?.counter ?? 0).toBe(rows.length);
  return coupons;
}

/** Every user who was told of a coupon has it, and there are no more coupons than the policy allows. */
async function expectPromisesKept(couponPolicyId: number, told: readonly Told[], quantity: number) {
  const coupons = await issuedCoupons(couponPolicyId);
  expect(coupons.size).toBeLessThanOrEqual(quantity);
  const broken = told.filter((it) => it.status === 200 && coupons.get(it.userId) !== it.couponId);
  expect(broken).toEqual([]);
  const strange = told.filter((it) => it.status !== 200 && it.code !== 'COUPON_SOLD_OUT');
  expect(strange).toEqual([]);
}

/** New users ask until none is left; then all coupons are given, and the door knows exactly the holders. */
async function expectAllGiven(couponPolicyId: number, quantity: number): Promise<void> {
  await eventually(
    'all coupons to be given',
    async () => {
      const told = await startRush({
        url: service.url,
        headersFor,
        couponPolicyId,
        users: newUsers(20),
        connections: 5,
      }).end();
      await expectPromisesKept(couponPolicyId, told, quantity);
      return (await issuedCoupons(couponPolicyId)).size === quantity;
    },
    { withinMs: 30_000, everyMs: 200 },
  );
  const coupons = Object.fromEntries(await issuedCoupons(couponPolicyId));
  await eventually(
    'the door to be equal to the database',
    async () => {
      // The door is loaded by the first request.
      await startRush({ url: service.url, headersFor, couponPolicyId, users: newUsers(1), connections: 1 }).end();
      const known = await redis.hgetall(`coupon:{${couponPolicyId}}:holders`);
      const total = await redis.get(`coupon:{${couponPolicyId}}:total`);
      return total === String(quantity) && isEqual(known, coupons);
    },
    { withinMs: 30_000 },
  );
}

function isEqual(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

it('when ten thousand users ask at once for a thousand coupons, then exactly a thousand get one', async () => {
  const couponPolicyId = await newPolicy(1_000);
  const began = performance.now();
  const told = await startRush({
    url: service.url,
    headersFor,
    couponPolicyId,
    users: newUsers(10_000),
    connections: 200,
  }).end();
  const seconds = (performance.now() - began) / 1_000;
  const winners = told.filter((it) => it.status === 200);
  console.info(`10,000 answers in ${seconds.toFixed(1)} s`);
  expect(winners).toHaveLength(1_000);
  expect(new Set(winners.map((it) => it.couponId)).size).toBe(1_000);
  expect(told.filter((it) => it.status === 409 && it.code === 'COUPON_SOLD_OUT')).toHaveLength(9_000);
  await expectPromisesKept(couponPolicyId, told, 1_000);
  expect((await issuedCoupons(couponPolicyId)).size).toBe(1_000);
  await expectAllGiven(couponPolicyId, 1_000);
}, 60_000);

describe('faults in the middle of a rush', () => {
  /**
   * Two thousand users want three hundred coupons; `fault` strikes at the hundredth. Every user asks until there is an
   * answer.
   */
  async function inTheMiddle(fault: (rush: Rush, couponPolicyId: number) => Promise<void>): Promise<Rush> {
    const couponPolicyId = await newPolicy(COUPONS);
    const rush = startRush({ url: service.url, headersFor, couponPolicyId, users: newUsers(USERS), connections: 20 });
    await rush.issued(100);
    await fault(rush, couponPolicyId);
    const told = await rush.end();
    expect(told).toHaveLength(USERS);
    await expectPromisesKept(couponPolicyId, told, COUPONS);
    await expectAllGiven(couponPolicyId, COUPONS);
    return rush;
  }

  it('when the service is killed and started again, then promises are kept and all coupons are given', async () => {
    const rush = await inTheMiddle(async (current) => {
      await service.kill9();
      await current.more('failures', 20);
      await start();
    });
    expect(rush.failures).toBeGreaterThan(0);
  }, 60_000);

  it('when Redis is emptied again and again, then promises are kept and all coupons are given', async () => {
    await inTheMiddle(async (current) => {
      for (let times = 1; times <= 8; times++) {
        await redis.flushall();
        await current.more('told', 30);
      }
    });
  }, 60_000);

  it('when Redis is stopped and started, then the database answers meanwhile', async () => {
    await inTheMiddle(async (current) => {
      await stack.part('redis').stop();
      await current.more('told', 150);
      await stack.part('redis').start();
    });
  }, 60_000);

  it('when Kafka is stopped, then no user notices it, and the events come later', async () => {
    const [before] = await database.query<{ n: number }>('SELECT COUNT(*) AS n FROM coupons');
    const rush = await inTheMiddle(async (current) => {
      await stack.part('kafka').stop();
      await current.end();
      await stack.part('kafka').start();
    });
    expect(rush.failures).toBe(0);
    expect(before?.n).toBeGreaterThan(0);
    await eventually(
      'an empty outbox',
      async () => (await database.query('SELECT 1 FROM outbox LIMIT 1')).length === 0,
      {
        withinMs: 30_000,
      },
    );
  }, 60_000);

  it('when MySQL is stopped and started, then no user is told anything that does not hold', async () => {
    await inTheMiddle(async (current) => {
      await stack.part('mysql').stop();
      await current.more('failures', 20);
      await stack.part('mysql').start();
    });
  }, 60_000);
});

describe('over the log', () => {
  it('when Kafka is stopped and the service killed meanwhile, then every request is decided, and all coupons are given', async () => {
    const couponPolicyId = await newPolicy(COUPONS);
    const accepted: { userId: number; requestId: string }[] = [];
    /** Users told at once that none is left, since they came after the last coupon. */
    const refused: number[] = [];
    const accept = async (users: readonly number[]) => {
      await Promise.all(
        users.map(async (userId) => {
          const headers = { prefer: 'respond-async' };
          const options = { body: { userId, couponPolicyId }, headers };
          const answer = await api.request<{ requestId: string; code?: string }>('POST', '/coupons/issue', options);
          if (answer.status === 202) accepted.push({ userId, requestId: answer.body.requestId });
          else {
            expect([answer.status, answer.body.code]).toEqual([409, 'COUPON_SOLD_OUT']);
            refused.push(userId);
          }
        }),
      );
    };
    await accept(newUsers(100));
    await stack.part('kafka').stop();
    await accept(newUsers(150));
    // No more coupons were asked for than there are.
    expect(refused).toEqual([]);
    await service.kill9();
    await stack.part('kafka').start();
    await start();
    await accept(newUsers(150));

    const outcomes = async () =>
      await database.query<{ requestId: string; status: string; couponId: string | null }>(
        `SELECT request_id AS requestId, status, coupon_id AS couponId FROM coupon_requests WHERE coupon_policy_id = ?`,
        [couponPolicyId],
      );
    await eventually('every outcome', async () => (await outcomes()).every((it) => it.status !== 'PENDING'), {
      withinMs: 30_000,
    });
    const coupons = await issuedCoupons(couponPolicyId);
    expect(coupons.size).toBe(COUPONS);
    const byId = new Map((await outcomes()).map((it) => [it.requestId, it]));
    for (const { userId, requestId } of accepted) {
      const own = coupons.get(userId);
      expect(byId.get(requestId)).toEqual({ requestId, status: own ? 'ISSUED' : 'SOLD_OUT', couponId: own ?? null });
    }
    for (const userId of refused) expect(coupons.has(userId)).toBe(false);
    // First come, first served: the hundred from before the fault were first on the log.
    for (const { userId } of accepted.slice(0, 100)) expect(coupons.has(userId)).toBe(true);
    await expectAllGiven(couponPolicyId, COUPONS);
  }, 90_000);
});
