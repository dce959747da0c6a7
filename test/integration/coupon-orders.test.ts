import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { readAddresses } from '../../ops/src/addresses.ts';
import { type AuditSession, openAudit } from '../../ops/src/audit/index.ts';
import { type Answer, expectStatus, nextUserId, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type Coupons, createCoupons } from '../support/coupons.ts';
import { expectOps } from '../support/ops.ts';
import { type System, sharedSystem } from '../support/system.ts';

let system: System;
let api: System['api'];
let coupons: Coupons;
let session: AuditSession;

beforeAll(async () => {
  system = await sharedSystem();
  api = system.api;
  // Two instances, so that orders of one coupon can meet on its row.
  await system.start('coupon', 2);
  coupons = createCoupons(system);
  session = await openAudit(readAddresses(system.stack.env));
}, 120_000);

// The shop must be consistent after these tests.
afterAll(async () => {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await session?.close();
    await coupons?.close();
  }
}, 60_000);

/** Orders `quantity` pieces of a product and waits for the end. */
function order(userId: number, productId: number, couponId: string, quantity = 1): Promise<Answer<OrderAnswer>> {
  return api.placeOrder(userId, [[productId, quantity]], { couponId, wait: 20 });
}

describe('an order with a coupon', () => {
  it('when an order with a coupon completes, then its user pays the rest; when it is cancelled, then both come back', async () => {
    const [productId, userId] = [await api.newProduct(1_500, 10), await api.newUser(10_000)];
    const couponId = await coupons.give(userId, 1_000);
    const { body } = expectStatus(await order(userId, productId, couponId, 2), 201);
    expect(body).toMatchObject({ couponId, totalAmount: 3_000, discountAmount: 1_000, paidAmount: 2_000 });
    expect(expectStatus(await api.order(body.orderId, userId), 200).body).toEqual(body);
    expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: body.orderId });
    expect(await api.balance(userId)).toBe(8_000);

    expectStatus(await api.cancel(body.orderId, userId), 202);
    await session.waitUntilIdle();
    expect(await coupons.read(couponId)).toEqual({ status: 'ISSUED', orderId: null });
    expect(await Promise.all([api.balance(userId), api.stock(productId)])).toEqual([10_000, 10]);

    const again = expectStatus(await order(userId, productId, couponId), 201);
    expect(again.body).toMatchObject({ discountAmount: 1_000, paidAmount: 500 });
    expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: again.body.orderId });

    const { stdout } = await expectOps(system.stack, ['order', again.body.orderId]);
    expect(stdout).toContain('500 won paid after a discount of 1,000 won');
    expect(stdout).toContain('redemption REDEEMED');
    expect(stdout).toContain('coupon USED by this order');
    expect(stdout).toMatch(/history \d: coupon-redeemed/);
  });

  it('when the coupon expires before its order is cancelled, then it comes back EXPIRED', async () => {
    const [productId, userId] = [await api.newProduct(1_500, 10), await api.newUser(10_000)];
    const couponId = await coupons.give(userId, 1_000);
    const { body } = expectStatus(await order(userId, productId, couponId), 201);
    await coupons.expire(couponId);
    expectStatus(await api.cancel(body.orderId, userId), 202);
    await session.waitUntilIdle();
    expect(await coupons.read(couponId)).toEqual({ status: 'EXPIRED', orderId: null });
    expect(await api.balance(userId)).toBe(10_000);
  });

  it('when the coupon is worth more than the order, then it pays all of it and no points are paid', async () => {
    const [productId, userId] = [await api.newProduct(700, 10), nextUserId()];
    const couponId = await coupons.give(userId, 5_000);
    const { body } = expectStatus(await order(userId, productId, couponId), 201);
    expect(body).toMatchObject({ totalAmount: 700, discountAmount: 700, paidAmount: 0 });
  });

  it('when the expected total is that before the discount, then the order completes; another one is PRICE_CHANGED', async () => {
    const [productId, userId] = [await api.newProduct(700, 10), await api.newUser(10_000)];
    const couponId = await coupons.give(userId, 100);
    const place = (expectedTotal: number) =>
      api.placeOrder(userId, [[productId, 1]], { couponId, expectedTotal, wait: 20 });
    expect(expectStatus(await place(600), 409).body.code).toBe('PRICE_CHANGED');
    expect(expectStatus(await place(700), 201).body).toMatchObject({ totalAmount: 700, paidAmount: 600 });
  });

  it('when the points do not suffice, then the order is 402, and coupon and stock are restored', async () => {
    const [productId, userId] = [await api.newProduct(1_000, 10), await api.newUser(499)];
    const couponId = await coupons.give(userId, 500);
    expect(expectStatus(await order(userId, productId, couponId), 402).body.code).toBe('INSUFFICIENT_BALANCE');
    await session.waitUntilIdle();
    expect(await coupons.read(couponId)).toEqual({ status: 'ISSUED', orderId: null });
    expect(await Promise.all([api.balance(userId), api.stock(productId)])).toEqual([499, 10]);
  });
});

it('when the order costs nothing, then it completes without its coupon, which can be used for another', async () => {
  const [free, productId, userId] = [
    await api.newProduct(0, 10),
    await api.newProduct(700, 10),
    await api.newUser(1_000),
  ];
  const couponId = await coupons.give(userId, 500);
  const { body } = expectStatus(await order(userId, free, couponId), 201);
  expect(body).toMatchObject({ couponId, totalAmount: 0, discountAmount: 0, paidAmount: 0 });
  expect(await coupons.read(couponId)).toEqual({ status: 'ISSUED', orderId: null });
  const next = expectStatus(await order(userId, productId, couponId), 201);
  expect(next.body).toMatchObject({ discountAmount: 500, paidAmount: 200 });
  expectStatus(await api.cancel(body.orderId, userId), 202);
  await session.waitUntilIdle();
  expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: next.body.orderId });
});

it('when a coupon is revoked while an order has it, then the order keeps it, and it comes back REVOKED', async () => {
  const [productId, userId] = [await api.newProduct(1_500, 10), await api.newUser(10_000)];
  const couponId = await coupons.give(userId, 1_000);
  const { body } = expectStatus(await order(userId, productId, couponId), 201);
  await coupons.revoke(couponId);
  expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: body.orderId });
  expectStatus(await api.cancel(body.orderId, userId), 202);
  await session.waitUntilIdle();
  expect(await coupons.read(couponId)).toEqual({ status: 'REVOKED', orderId: null });
  expect(await api.balance(userId)).toBe(10_000);
});

it('when a policy is revoked while orders with its coupons come, then each is used by its order or revoked', async () => {
  const productId = await api.newProduct(1_500, 1_000);
  const couponPolicyId = await api.newPolicy({ discountAmount: 100, totalQuantity: 16 });
  const users: number[] = [];
  for (let n = 0; n < 16; n++) users.push(await api.newUser(10_000));
  const held = await Promise.all(users.map((userId) => coupons.ask(userId, couponPolicyId)));
  const ordering = Promise.all(held.map((couponId, index) => order(users[index] ?? 0, productId, couponId)));
  await coupons.end(couponPolicyId, true);
  const answers = await ordering;
  await session.waitUntilIdle();
  for (const [index, couponId] of held.entries()) {
    const answer = answers[index];
    if (answer?.status === 201) {
      expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: answer.body.orderId });
    } else {
      expect([answer?.status, answer?.body.code]).toEqual([409, 'COUPON_REVOKED']);
      expect(await coupons.read(couponId)).toEqual({ status: 'REVOKED', orderId: null });
    }
  }
});

describe('a coupon that cannot be used', () => {
  it.each<[string, number, string, (userId: number, productId: number) => Promise<string>]>([
    ['another user’s', 404, 'COUPON_NOT_FOUND', () => coupons.give(nextUserId(), 100)],
    ['unknown', 404, 'COUPON_NOT_FOUND', async () => uuidv7()],
    [
      'used',
      409,
      'COUPON_ALREADY_USED',
      async (userId, productId) => {
        const couponId = await coupons.give(userId, 100);
        expectStatus(await order(userId, productId, couponId), 201);
        return couponId;
      },
    ],
    [
      'expired',
      409,
      'COUPON_EXPIRED',
      async (userId) => {
        const couponId = await coupons.give(userId, 100);
        await coupons.expire(couponId);
        return couponId;
      },
    ],
    [
      'revoked',
      409,
      'COUPON_REVOKED',
      async (userId) => {
        const couponId = await coupons.give(userId, 100);
        await coupons.revoke(couponId);
        return couponId;
      },
    ],
  ])(
    'when the coupon is %s, then the order ends with %i %s, and nothing was taken',
    async (_, status, code, couponOf) => {
      const [productId, userId] = [await api.newProduct(1_000, 10), await api.newUser(10_000)];
      const couponId = await couponOf(userId, productId);
      await session.waitUntilIdle();
      const before = [await api.stock(productId), await api.balance(userId), await coupons.read(couponId)];
      const { body } = expectStatus(await order(userId, productId, couponId), status);
      expect(body).toMatchObject({ code, status, orderId: expect.any(String) });
      await session.waitUntilIdle();
      expect([await api.stock(productId), await api.balance(userId), await coupons.read(couponId)]).toEqual(before);
      expect((await api.order(body.orderId, userId)).body).toMatchObject({
        status: 'CANCELLED',
        reason: code,
        couponId,
      });
    },
  );
});

it('when orders with the same coupon come at once, then exactly one of them gets it', async () => {
  const [productId, userId] = [await api.newProduct(1_000, 1_000), await api.newUser(1_000_000)];
  const couponIds = await Promise.all(Array.from({ length: 5 }, () => coupons.give(userId, 300)));
  const answers = await Promise.all(
    couponIds.flatMap((couponId) => Array.from({ length: 4 }, () => order(userId, productId, couponId))),
  );
  for (const [index, couponId] of couponIds.entries()) {
    const own = answers.slice(4 * index, 4 * index + 4);
    expect(own.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409]);
    const refused = own.filter((answer) => answer.status === 409).map((answer) => answer.body.code);
    expect(refused).toEqual(Array(3).fill('COUPON_ALREADY_USED'));
    const [winner] = own.filter((answer) => answer.status === 201);
    expect(await coupons.read(couponId)).toEqual({ status: 'USED', orderId: winner?.body.orderId });
  }
  await session.waitUntilIdle();
  expect(await Promise.all([api.balance(userId), api.stock(productId)])).toEqual([996_500, 995]);
});
