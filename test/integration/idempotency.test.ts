import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceName } from '../../deploy/local/topology.ts';
import { type Answer, Api, expectStatus, nextUserId, type OrderBody, patiently } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { readMetric } from '../support/metrics.ts';
import { PATIENT } from '../support/patient.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// Two gateways, and two instances of the services that take keys, so that a repeat meets another process than the
// first.
let system: System;
let apis: readonly [Api, Api];
let productId: number;
const PRICE = 10;

beforeAll(async () => {
  // One user places 150 orders at once.
  const env = { ...PATIENT, ORDER_DEADLINE_MS: '120000', UNPAID_PIECES_PER_USER: '1000' };
  system = await startSystem({ knownInstances: 2, env });
  await Promise.all([system.start('order', 2), system.start('payment', 2)]);
  const second = await system.start('gateway', 2);
  apis = [system.api, new Api(second.url)];
  productId = await system.api.newProduct(PRICE, 1_000_000);
}, 120_000);

afterAll(async () => {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await system?.stop();
  }
}, 90_000);

/** Whether the breakers of all gateways let requests through to the service. */
async function isReached(service: ServiceName): Promise<boolean> {
  const closed = { upstream: service, state: 'closed' };
  const urls = [1, 2].map((instance) => system.process('gateway', instance).url);
  const states = await Promise.all(urls.map((url) => readMetric(url, 'gateway_breaker_state', closed)));
  return states.every((state) => state === 1);
}

const gatewayOf = (index: number): Api => apis[index % 2] as Api;
const times = <T>(count: number, each: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => each(index)));

async function query<Row extends object>(sql: string, values: unknown[]): Promise<Row[]> {
  const connection = await connectRoot(system.stack);
  try {
    return await connection.query<Row>(sql, values as never);
  } finally {
    await connection.close();
  }
}

const ordersOf = async (userId: number) =>
  (
    await query<{ orderId: string }>('SELECT order_id AS orderId FROM shop_order.orders WHERE user_id = ?', [userId])
  ).map(({ orderId }) => orderId);
const historyOf = (userId: number, type: string) =>
  query<{ amount: number }>('SELECT amount FROM shop_payment.point_history WHERE user_id = ? AND type = ?', [
    userId,
    type,
  ]);

async function completedOrder(userId: number): Promise<string> {
  return expectStatus(await system.api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201).body.orderId;
}

/** Classifies the answers to many requests with one key. */
function outcomes(answers: readonly Answer<object>[]): Record<'first' | 'replayed' | 'inFlight' | 'other', number> {
  const counts = { first: 0, replayed: 0, inFlight: 0, other: 0 };
  for (const { status, headers, body } of answers) {
    const code = (body as { code?: string }).code;
    if (status === 409 && code === 'IDEMPOTENCY_IN_FLIGHT') counts.inFlight++;
    else if (status >= 300) counts.other++;
    else if (headers.get('idempotency-replayed') === 'true') counts.replayed++;
    else counts.first++;
  }
  return counts;
}

function expectOneEffect(answers: readonly Answer<object>[]): void {
  const { first, replayed, inFlight, other } = outcomes(answers);
  expect({ first, other }).toEqual({ first: 1, other: 0 });
  expect(replayed + inFlight).toBe(answers.length - 1);
}

describe('one key, 20 times at once through two gateways to two instances', () => {
  it('when 20 requests place one order, then there is one, and all are told of it', async () => {
    const userId = await system.api.newUser(1_000);
    const key = randomUUID();
    const answers = await times(20, (i) => gatewayOf(i).placeOrder<OrderBody>(userId, [[productId, 1]], { key }));
    expectOneEffect(answers);
    const told = answers.flatMap(({ status, body }) => (status === 202 ? [body.orderId] : []));
    expect(await ordersOf(userId)).toEqual([...new Set(told)]);
  });

  it('when 20 requests are one charge, then there is one, and all are told the same balance', async () => {
    const userId = nextUserId();
    const key = randomUUID();
    const answers = await times(20, (i) => gatewayOf(i).charge(userId, 700, key));
    expectOneEffect(answers);
    expect(new Set(answers.filter(({ status }) => status === 200).map(({ text }) => text)).size).toBe(1);
    expect(await historyOf(userId, 'CHARGE')).toEqual([{ amount: 700 }]);
    expect(await system.api.balance(userId)).toBe(700);
  });

  it('when 20 requests cancel a paid order, then it is cancelled and refunded once', async () => {
    const userId = await system.api.newUser(100);
    const orderId = await completedOrder(userId);
    const key = randomUUID();
    const answers = await times(20, (i) => gatewayOf(i).cancel(orderId, userId, key));
    expectOneEffect(answers);
    expect(new Set(answers.map(({ status }) => status === 202 || status === 409))).toEqual(new Set([true]));
    await expectCleanAudit(system);
    expect(await historyOf(userId, 'REFUND')).toEqual([{ amount: PRICE }]);
    expect(await system.api.balance(userId)).toBe(100);
  });

  it('when 20 requests with different keys cancel it, then one does, and the others find it cancelled', async () => {
    const userId = await system.api.newUser(100);
    const orderId = await completedOrder(userId);
    const answers = await times(20, (i) => gatewayOf(i).cancel(orderId, userId, randomUUID()));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 202]);
    await expectCleanAudit(system);
    expect(await historyOf(userId, 'REFUND')).toEqual([{ amount: PRICE }]);
  });
});

describe('a service that dies between the commit and the answer', () => {
  const COUNT = 150;
  /** More rounds than ever needed: each kills a service in the midst of its commits. */
  const ROUNDS = 6;

  interface Attempt {
    readonly key: string;
    readonly answer: Answer<object> | undefined;
  }

  /**
   * Sends requests with different keys at once, each of them once, kills both instances of the service as soon as some
   * are committed, starts them again, and repeats every request through the other gateway. Repeated until some requests
   * had committed without being answered.
   */
  async function killedInBetween(
    service: ServiceName,
    schema: string,
    prepare: () => Promise<(index: number, key: string, api: Api) => Promise<Answer<object>>>,
    check: (first: readonly Attempt[], repeated: readonly Answer<object>[]) => Promise<void>,
  ): Promise<void> {
    let unanswered = 0;
    for (let round = 0; round < ROUNDS && unanswered === 0; round++) {
      const send = await prepare();
      const run = randomUUID();
      const keyOf = (index: number) => `${run}-${index}`;
      const committed = async () =>
        new Set(
          (
            await query<{ key: string }>(
              `SELECT idem_key AS \`key\` FROM ${schema}.idempotency_key WHERE idem_key LIKE ?`,
              [`${run}-%`],
            )
          ).map(({ key }) => key),
        );
      const attempts = times(COUNT, async (index): Promise<Attempt> => {
        const answer = await send(index, keyOf(index), gatewayOf(index)).catch(() => undefined);
        return { key: keyOf(index), answer: answer && answer.status < 300 ? answer : undefined };
      });
      let over = false;
      void attempts.finally(() => {
        over = true;
      });
      const sql = await connectRoot(system.stack);
      // A round in which a busy machine refused most requests is over without a kill in their midst: another follows.
      for (let found = 0; found < COUNT / 3 && !over; ) {
        const [row] = await sql.query<{ n: number }>(
          `SELECT COUNT(*) AS n FROM ${schema}.idempotency_key WHERE idem_key LIKE ?`,
          [`${run}-%`],
        );
        found = row?.n ?? 0;
      }
      await Promise.all([1, 2].map((instance) => system.process(service, instance).kill9()));
      await sql.close();
      const first = await attempts;
      const kept = await committed();
      unanswered = first.filter(({ key, answer }) => !answer && kept.has(key)).length;
      await Promise.all([1, 2].map((instance) => system.start(service, instance)));
      await eventually(`both gateways to find ${service} again`, () => isReached(service), { withinMs: 5_000 });
      const repeated = await times(COUNT, (index) => patiently(() => send(index, keyOf(index), gatewayOf(index + 1))));
      for (const [index, { key, answer }] of first.entries()) {
        const isReplay = repeated[index]?.headers.get('idempotency-replayed') === 'true';
        expect([key, isReplay, repeated[index]?.text]).toEqual([key, kept.has(key), expect.any(String)]);
        // Every answered request had been committed.
        if (answer) expect(kept).toContain(key);
      }
      await check(first, repeated);
    }
    console.info(`${unanswered} of ${COUNT} had committed without an answer`);
    expect(unanswered).toBeGreaterThan(0);
  }

  it('when orders are repeated after a crash, then each key is one order, the one that was answered', async () => {
    let userId = 0;
    await killedInBetween(
      'order',
      'shop_order',
      async () => {
        userId = await system.api.newUser(COUNT * PRICE);
        return (_index, key, api) => api.placeOrder(userId, [[productId, 1]], { key, once: true });
      },
      async (first, repeated) => {
        const idOf = (answer: Answer<object>) => (expectStatus(answer, 202).body as OrderBody).orderId;
        const ids = repeated.map(idOf);
        for (const [index, { answer }] of first.entries()) if (answer) expect(ids[index]).toBe(idOf(answer));
        expect((await ordersOf(userId)).sort()).toEqual([...ids].sort());
        expect(new Set(ids).size).toBe(COUNT);
        await expectCleanAudit(system);
        expect(await system.api.balance(userId)).toBe(0);
      },
    );
  }, 240_000);

  it('when charges are repeated after a crash, then each is charged once, with the same answer', async () => {
    let userId = 0;
    await killedInBetween(
      'payment',
      'shop_payment',
      async () => {
        userId = nextUserId();
        return (index, key, api) => api.charge(userId, index + 1, key);
      },
      async (first, repeated) => {
        for (const [index, { answer }] of first.entries()) {
          const again = expectStatus(repeated[index] as Answer<object>, 200);
          if (answer) expect(again.body).toEqual(answer.body);
        }
        const amounts = (await historyOf(userId, 'CHARGE')).map(({ amount }) => amount);
        expect(amounts.sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
        expect(await system.api.balance(userId)).toBe((COUNT * (COUNT + 1)) / 2);
      },
    );
  }, 240_000);

  it('when cancellations are repeated after a crash, then each order is refunded once', async () => {
    let userId = 0;
    await killedInBetween(
      'order',
      'shop_order',
      async () => {
        userId = await system.api.newUser(COUNT * PRICE);
        const orderIds = await times(COUNT, () => completedOrder(userId));
        return (index, key, api) => api.cancelOnce(orderIds[index] ?? '', userId, key);
      },
      async (_first, repeated) => {
        for (const answer of repeated) expectStatus(answer, 202);
        await expectCleanAudit(system);
        expect(await historyOf(userId, 'REFUND')).toHaveLength(COUNT);
        expect(await system.api.balance(userId)).toBe(COUNT * PRICE);
      },
    );
  }, 240_000);
});

describe('the request a key stands for', () => {
  it('when a key comes with another body, then 422 and nothing is done', async () => {
    const userId = await system.api.newUser(1_000);
    const key = randomUUID();
    expectStatus(await apis[0].placeOrder(userId, [[productId, 1]], { key, wait: 20 }), 201);
    expectStatus(await apis[0].charge(userId, 5, key), 200);
    for (const answer of [
      await apis[1].placeOrder(userId, [[productId, 2]], { key }),
      await apis[1].placeOrder(userId, [[productId, 1]], { key, expectedTotal: PRICE }),
      await apis[1].charge(userId, 6, key),
    ])
      expect(expectStatus(answer, 422).body).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    expect(await ordersOf(userId)).toHaveLength(1);
    expect(await system.api.balance(userId)).toBe(1_000 - PRICE + 5);
  });

  it('when a key was used for another path, then it is another key', async () => {
    const userId = await system.api.newUser(100);
    const key = randomUUID();
    const orderIds = [await completedOrder(userId), await completedOrder(userId)];
    for (const orderId of orderIds) expectStatus(await apis[0].cancel(orderId, userId, key), 202);
    const charged = expectStatus(await apis[0].charge(userId, 1, key), 200);
    expect(charged.headers.get('idempotency-replayed')).toBeNull();
    expectStatus(await apis[0].placeOrder(userId, [[productId, 1]], { key, wait: 20 }), 201);
  });

  it("when two users have the same key, then neither sees the other's request", async () => {
    const key = randomUUID();
    const [one, other] = [await system.api.newUser(100), await system.api.newUser(100)];
    const orders = [one, other].map((userId) => apis[0].placeOrder(userId, [[productId, 1]], { key, wait: 20 }));
    const [own, others] = (await Promise.all(orders)).map((answer) => expectStatus(answer, 201));
    expect(own?.body.userId).toBe(one);
    expect(others?.body.userId).toBe(other);
    expect(others?.headers.get('idempotency-replayed')).toBeNull();
    expectStatus(await apis[0].charge(one, 5, key), 200);
    expect(expectStatus(await apis[1].charge(other, 7, key), 200).body).toMatchObject({ userId: other });
    const orderId = own?.body.orderId ?? '';
    expectStatus(await apis[0].cancel(orderId, one, key), 202);
    // The answer does not even tell that the key is known.
    expect(expectStatus(await apis[1].cancel(orderId, other, key), 404).body).toMatchObject({
      code: 'ORDER_NOT_FOUND',
    });
  });

  it('when a request was refused, then its key is not remembered', async () => {
    const userId = nextUserId();
    const key = randomUUID();
    expectStatus(await apis[0].charge(userId, 0, key), 400);
    expect(expectStatus(await apis[0].charge(userId, 10, key), 200).headers.get('idempotency-replayed')).toBeNull();
    expectStatus(await apis[0].placeOrder(userId, [[productId, 0]], { key }), 400);
    const placed = expectStatus(await apis[1].placeOrder(userId, [[productId, 1]], { key, wait: 20 }), 201);
    expect(placed.headers.get('idempotency-replayed')).toBeNull();
    const orderId = placed.body.orderId;
    expectStatus(await apis[0].cancel(orderId, userId, 'first'), 202);
    // Already cancelled: nothing was done, so the key has no effect to stand for.
    for (const api of apis) {
      const again = expectStatus(await api.cancel(orderId, userId, key), 200);
      expect(again.headers.get('idempotency-replayed')).toBeNull();
    }
  });

  it('when an order was placed and then cancelled for lack of points, then a repeat is told the same', async () => {
    const userId = nextUserId();
    const key = randomUUID();
    const first = expectStatus(await apis[0].placeOrder(userId, [[productId, 1]], { key, wait: 20 }), 402);
    expectStatus(await system.api.charge(userId, 100), 200);
    const again = expectStatus(await apis[1].placeOrder(userId, [[productId, 1]], { key, wait: 20 }), 402);
    expect(again.body.orderId).toBe(first.body.orderId);
    expect(await ordersOf(userId)).toHaveLength(1);
  });

  it('when a coupon is asked for with a key, then the key changes nothing: the user has one coupon of a policy', async () => {
    const [one, other] = [await system.api.newPolicy(), await system.api.newPolicy()];
    const userId = nextUserId();
    const issue = (api: Api, couponPolicyId: number) =>
      api.request<{ couponId: string; alreadyIssued: boolean }>('POST', '/coupons/issue', {
        body: { userId, couponPolicyId },
        headers: { 'idempotency-key': 'same' },
      });
    const first = expectStatus(await issue(apis[0], one), 200).body;
    const again = expectStatus(await issue(apis[1], one), 200).body;
    expect([first.alreadyIssued, again]).toEqual([false, { ...first, alreadyIssued: true }]);
    expect(expectStatus(await issue(apis[0], other), 200).body.couponId).not.toBe(first.couponId);
  });
});

describe('the header Idempotency-Key', () => {
  const posts = (userId: number): [string, object][] => [
    ['/orders', { userId, items: [{ productId, quantity: 1 }] }],
    ['/points/charge', { userId, amount: 5 }],
    [`/orders/${randomUUID()}/cancel`, { userId }],
  ];

  it.each([
    ['256 characters', 'k'.repeat(256)],
    ['nothing', ''],
    ['a space', 'a b'],
    ['letters that are not ASCII', 'k\u00e4se'],
  ])('when the header has %s, then it is refused and nothing is done', async (_what, key) => {
    const userId = nextUserId();
    for (const [path, body] of posts(userId)) {
      const answer = await apis[0].request('POST', path, { body, headers: { 'idempotency-key': key } });
      expect(expectStatus(answer, 400).body).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ path: 'Idempotency-Key' }],
      });
    }
    expect([await ordersOf(userId), await system.api.balance(userId)]).toEqual([[], 0]);
  });

  it('when a key has 255 characters, then it is valid, and its case counts', async () => {
    const userId = nextUserId();
    const key = `${randomUUID()}${'k'.repeat(219)}`;
    expect(key).toHaveLength(255);
    expectStatus(await apis[0].charge(userId, 5, key), 200);
    expect((await apis[1].charge(userId, 5, key)).headers.get('idempotency-replayed')).toBe('true');
    expect((await apis[1].charge(userId, 5, key.toUpperCase())).headers.get('idempotency-replayed')).toBeNull();
    expect(await system.api.balance(userId)).toBe(10);
  });
});
