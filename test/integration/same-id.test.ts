import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, type OrderBody } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { followOrder } from '../support/order-stream.ts';
import { type System, sharedSystem } from '../support/system.ts';

let system: System;
let userId: number;
let order: OrderBody;

beforeAll(async () => {
  system = await sharedSystem();
  userId = await system.api.newUser(100_000);
  const productId = await system.api.newProduct(100, 100);
  order = expectStatus(await system.api.placeOrder<OrderBody>(userId, [[productId, 1]], { wait: 30 }), 201).body;
}, 120_000);

afterAll(() => expectCleanAudit(system), 90_000);

const capitals = (id: string): string => id.toUpperCase();
const mixed = (id: string): string => `${id.slice(0, 18).toUpperCase()}${id.slice(18)}`;

describe('an id in capital letters', () => {
  it('when an order is asked for by its id in capitals, then it is that order, under its one id', async () => {
    for (const spelled of [capitals(order.orderId), mixed(order.orderId)]) {
      const { body } = expectStatus(await system.api.order(spelled, userId), 200);
      expect(body.orderId).toBe(order.orderId);
      expectStatus(await system.api.order(spelled, userId + 1), 404);
    }
  });

  it('when an order is followed under capitals, then its steps come, after Last-Event-ID in capitals too', async () => {
    const shouted = { orderId: capitals(order.orderId), userId };
    const whole = await followOrder(system.api, shouted);
    await whole.over;
    expect(whole.status).toBe(200);
    const [first, second] = whole.events;
    const rest = await followOrder(system.api, shouted, { lastEventId: capitals(first?.eventId ?? '') });
    await rest.over;
    expect(rest.events.map(({ eventId }) => eventId)).toEqual(whole.events.slice(1).map(({ eventId }) => eventId));
    expect(second?.eventId).toBe(rest.events[0]?.eventId);
    const over = await followOrder(system.api, shouted, { lastEventId: capitals(whole.lastEventId() ?? '') });
    expect(over.status).toBe(204);
  });

  it('when a coupon is named in capitals, in its request and in an order, then it is that coupon', async () => {
    const couponPolicyId = await system.api.newPolicy();
    const asked = await system.api.request<{ requestId: string }>('POST', '/coupons/issue', {
      body: { userId, couponPolicyId },
      headers: { prefer: 'respond-async' },
    });
    const { requestId } = expectStatus(asked, 202).body;
    const found = await system.api.request<{ requestId: string }>('GET', `/coupons/requests/${capitals(requestId)}`, {
      query: { userId },
    });
    expect(expectStatus(found, 200).body.requestId).toBe(requestId);
    // The same user's second wish is answered with the coupon that the log gave.
    const owned = await system.api.request<{ couponId: string }>('POST', '/coupons/issue', {
      body: { userId, couponPolicyId },
    });
    const { couponId } = expectStatus(owned, 200).body;
    const productId = await system.api.newProduct(2_000, 1);
    const placed = await system.api.placeOrder(userId, [[productId, 1]], { couponId: capitals(couponId), wait: 30 });
    expect(expectStatus(placed, 201).body).toMatchObject({ couponId, discountAmount: 1_000 });
  });

  it('when an order is cancelled in capitals and again in small letters with the key, then it is one cancellation', async () => {
    const key = randomUUID();
    expectStatus(await system.api.cancel(capitals(order.orderId), userId, key), 202);
    const again = await system.api.cancel(order.orderId, userId, key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const cancelled = await system.api.settled(capitals(order.orderId), userId);
    expect(cancelled).toMatchObject({ orderId: order.orderId, status: 'CANCELLED' });
  });
});
