import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { type DoorReader, DoorUnreadableError } from '../../ops/src/audit/door.ts';
import { AT, addOrder, claim, emptyShop, fillShop, ORDERS, points } from './audit-example.ts';
import { createShop, type Shop } from './audit-fixture.ts';

const USED = '0193b5a0-0000-7000-a000-000000000001';
const FREE = '0193b5a0-0000-7000-a000-000000000002';
const EXPIRED = '0193b5a0-0000-7000-a000-000000000003';
const POLICIES = ['0193b5a0-0000-7000-b000-000000000001', '0193b5a0-0000-7000-b000-000000000002'];
const END = '0193b5a0-0000-7000-b100-000000000001';
const REQUEST = '0193b5a0-0000-7000-c000-000000000001';

const COUPON_ORDERS = {
  discounted: '0193b5a1-0000-7000-8000-000000000001',
  refunded: '0193b5a1-0001-7000-8000-000000000002',
  /** An order with an unknown coupon. */
  rejected: '0193b5a1-0002-7000-8000-000000000003',
  voided: '0193b5a1-0003-7000-8000-000000000004',
};
const { discounted, refunded, rejected } = COUPON_ORDERS;

let shop: Shop;
beforeAll(async () => {
  shop = await createShop();
});
afterAll(() => shop.close());
beforeEach(async () => {
  await emptyShop(shop);
  await fillShop(shop);
  await fillCoupons();
});

/** Policy 2 was revoked while its one coupon was free. */
async function revokePolicy(): Promise<void> {
  await shop.sql('UPDATE shop_coupon.coupon_policies SET ended_at = ? WHERE coupon_policy_id = 2', [AT]);
  await shop.sql(
    `INSERT INTO shop_coupon.coupon_policy_ends (request_id, coupon_policy_id, revokes, reason, issued_count, revoked_count, created_at, done_at)
     VALUES (?, 2, 1, 'a mistake', 1, 1, ?, ?)`,
    [END, AT, AT],
  );
  await shop.sql(`UPDATE shop_coupon.coupons SET status = 'REVOKED', revoked_at = ? WHERE coupon_id = ?`, [AT, FREE]);
  shop.publishRequest('coupon-policy-ended', '2', END);
}

/** User 8, with two policies, three coupons (one used, one free, one expired) and an order of each kind. */
async function fillCoupons(): Promise<void> {
  await shop.sql(
    `INSERT INTO shop_catalog.products (product_id, name, price, initial_stock, restocked, available, reserved, sold, version, created_at, updated_at)
     VALUES (2, 'Cup', 1000, 10, 0, 8, 0, 2, 1, ?, ?)`,
    [AT, AT],
  );
  const created = '0193b5a0-0000-7000-9000-000000000012';
  await shop.sql(
    `INSERT INTO shop_catalog.product_changes (request_id, product_id, version, change_type, name, price, stock_delta, available, created_at)
     VALUES (?, 2, 1, 'CREATED', 'Cup', 1000, 10, 10, ?)`,
    [created, AT],
  );
  shop.publishRequest('product-changed', '2', created);
  await claim(shop, 'ranking', created);
  await shop.sql(
    `INSERT INTO shop_ranking.products (product_id, name, price, version, updated_at) VALUES (2, 'Cup', 1000, 1, ?)`,
    [AT],
  );
  await shop.sql(
    'INSERT INTO shop_payment.accounts (user_id, balance, created_at, updated_at) VALUES (8, 3500, ?, ?)',
    [AT, AT],
  );
  const charge = '0193b5a0-0000-7000-9000-000000000011';
  await points(shop, 'CHARGE', 5000, 5000, null, charge, 8);
  shop.publishRequest('points-charged', '8', charge);

  for (const [index, requestId] of POLICIES.entries()) {
    await shop.sql(
      `INSERT INTO shop_coupon.coupon_policies (coupon_policy_id, name, discount_amount, total_quantity, issued_count, valid_days, request_id, created_at)
       VALUES (?, 'Welcome', 500, 2, ?, 30, ?, ?)`,
      [index + 1, index === 0 ? 2 : 1, requestId, AT],
    );
    shop.publishRequest('coupon-policy-created', String(index + 1), requestId);
  }
  const coupons = [
    [USED, 1, 8, 'USED', discounted],
    [FREE, 2, 8, 'ISSUED', null],
    [EXPIRED, 1, 9, 'EXPIRED', null],
  ] as const;
  for (const [couponId, policyId, userId, status, orderId] of coupons) {
    await shop.sql(
      `INSERT INTO shop_coupon.coupons (coupon_id, coupon_policy_id, user_id, discount_amount, status, order_id, issued_at, used_at, expires_at)
       VALUES (?, ?, ?, 500, ?, ${orderId ? '?' : 'NULL'}, ?, ${orderId ? '?' : 'NULL'}, ?)`,
      [couponId, policyId, userId, status, ...(orderId ? [orderId] : []), AT, ...(orderId ? [AT] : []), AT],
    );
    shop.publishRequest('coupon-issued', String(policyId), couponId);
  }
  await shop.sql(
    `INSERT INTO shop_coupon.coupon_requests (request_id, coupon_policy_id, user_id, status, created_at, updated_at) VALUES (?, 1, 10, 'SOLD_OUT', ?, ?)`,
    [REQUEST, AT, AT],
  );
  shop.publishRequest('coupon-issue-requested', '1', REQUEST);
  await shop.sql(
    `INSERT INTO shop_coupon.processed_event (consumer_group, event_id, claim, processed_at) VALUES ('coupon-issue', ?, '', ?)`,
    [REQUEST, AT],
  );
  await shop.sql(
    `INSERT INTO shop_coupon.idempotency_key (user_id, scope, idem_key, request_hash, request_id, created_at) VALUES (0, 'POST /coupon-policies', 'first', '', ?, ?)`,
    [POLICIES[0] ?? '', AT],
  );

  const of = { userId: 8, productId: 2 } as const;
  await addOrder(shop, discounted, {
    ...of,
    order: 'COMPLETED',
    reservation: 'SOLD',
    coupon: { id: USED, redemption: 'REDEEMED' },
    payment: 'COMPLETED',
  });
  await points(shop, 'USE', 1500, 3500, discounted, null, 8);
  await addOrder(shop, refunded, {
    ...of,
    order: 'CANCELLED',
    reason: 'ORDER_CANCELLED',
    completed: true,
    reservation: 'RELEASED',
    coupon: { id: FREE, redemption: 'RETURNED' },
    payment: 'REFUNDED',
  });
  await points(shop, 'USE', 1500, 2000, refunded, null, 8);
  await points(shop, 'REFUND', 1500, 3500, refunded, null, 8);
  await addOrder(shop, rejected, {
    ...of,
    order: 'CANCELLED',
    reason: 'COUPON_NOT_FOUND',
    reservation: 'RELEASED',
    coupon: { id: '0193b5a0-0000-7000-a000-00000000dead', redemption: 'REJECTED' },
    payment: 'VOID',
  });
  await addOrder(shop, COUPON_ORDERS.voided, {
    ...of,
    order: 'CANCELLED',
    reason: 'ORDER_CANCELLED',
    reservation: 'VOID',
    coupon: { id: FREE, redemption: 'VOID' },
    payment: 'VOID',
  });
}

/** The checks with findings, each with the ids of its examples. */
async function faults(options: Parameters<Shop['audit']>[0] = {}): Promise<Record<string, string[]>> {
  const { findings } = await shop.audit(options);
  return Object.fromEntries(
    findings.filter((it) => it.failed > 0).map((it) => [`${it.invariant} ${it.name}`, it.examples.map(({ id }) => id)]),
  );
}

describe('the audit of a shop with coupons', () => {
  it('when all is well, then the audit finds nothing, and has checked every coupon', async () => {
    const report = await shop.audit();
    expect(report.findings.filter((it) => it.failed > 0 || it.parked > 0)).toEqual([]);
    expect(report).toMatchObject({ ok: true, orders: 9 });
    const looked = Object.fromEntries(report.findings.map(({ name, checked }) => [name, checked]));
    expect(looked).toMatchObject({
      'completed-uses-its-coupon': 2,
      'coupon-is-used-once': 4,
      'cancelled-keeps-no-coupon': 7,
      'issued-within-quantity': 2,
      'coupon-is-its-policys': 3,
      'one-effect-a-key-coupon': 1,
    });
  });

  it('when a policy was revoked and its coupons are, then the audit finds nothing', async () => {
    await revokePolicy();
    expect(await faults()).toEqual({});
  });

  it('when a dead letter has a policy’s number as its key, then it excuses no fault of the policy', async () => {
    await shop.sql('UPDATE shop_coupon.coupon_policies SET issued_count = 2 WHERE coupon_policy_id = 2');
    for (const [service, group] of [
      ['ranking', 'ranking'],
      ['coupon', 'coupon-issue'],
    ])
      await shop.sql(
        `INSERT INTO shop_${service}.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_type, reason, attempts, headers, failed_at)
         VALUES ('${group}', 'catalog-events', 0, 9, '2', 'DEAD', 'product-changed', 'HANDLER_ERROR', 3, '{}', ?)`,
        [AT],
      );
    await shop.sql(
      `INSERT INTO shop_ranking.parked_key (consumer_group, message_key, topic, parked_at) VALUES ('ranking', '2', 'catalog-events', ?)`,
      [AT],
    );
    expect(await faults()).toEqual({ '7 issued-within-quantity': ['2'] });
  });

  it('when an order was spared its coupon, then it must be one that it takes nothing off', async () => {
    await shop.sql(`UPDATE shop_coupon.redemptions SET status = 'SPARED', discount_amount = 0 WHERE order_id = ?`, [
      discounted,
    ]);
    await shop.sql(
      `UPDATE shop_coupon.coupons SET status = 'ISSUED', order_id = NULL, used_at = NULL WHERE coupon_id = ?`,
      [USED],
    );
    expect((await faults())['4 completed-uses-its-coupon']).toEqual([discounted]);
  });

  it.each<[string, string, (string | number)[], string, string]>([
    ['a coupon that was not revoked', `status = 'ISSUED', revoked_at = NULL`, [], '7 revoked-as-wished', FREE],
    ['one that is marked and can be used', `status = 'ISSUED'`, [], '7 revoked-as-wished', FREE],
    [
      'a used one that is not marked',
      `status = 'USED', order_id = ?, revoked_at = NULL`,
      [refunded],
      '7 revoked-as-wished',
      FREE,
    ],
    ['one of another policy', 'coupon_policy_id = ?', [3], '7 revoked-as-wished', FREE],
  ])('when a policy was revoked and there is %s, then the audit names it', async (_, change, params, check, id) => {
    await revokePolicy();
    await shop.sql(`UPDATE shop_coupon.coupons SET ${change} WHERE coupon_id = ?`, [...params, FREE]);
    expect((await faults())[check]).toContain(id);
  });

  it('when a coupon was issued after the end, or the end has no event or row, then the audit names it', async () => {
    await revokePolicy();
    await shop.sql('UPDATE shop_coupon.coupon_policy_ends SET issued_count = 0');
    expect(await faults()).toMatchObject({ '7 ended-issues-no-more': ['2'] });
    await shop.sql('DELETE FROM shop_coupon.coupon_policy_ends');
    expect((await faults())['7 ended-issues-no-more']).toEqual(['2']);
    shop.records.splice(0, shop.records.length, ...shop.records.filter((it) => it.id !== END));
    await shop.sql('UPDATE shop_coupon.coupon_policies SET ended_at = NULL');
    await shop.sql(
      `INSERT INTO shop_coupon.coupon_policy_ends (request_id, coupon_policy_id, revokes, reason, issued_count, created_at, done_at)
       VALUES (?, 2, 0, 'a mistake', 1, ?, ?)`,
      [END, AT, AT],
    );
    const found = await faults();
    expect(found['7 ended-issues-no-more']).toEqual(['2']);
    expect(Object.values(found).flat()).toContain(END);
  });

  it.each<[string, string, (string | number)[], string, string]>([
    [
      'a completed order whose coupon is free again',
      `UPDATE shop_coupon.coupons SET status = 'ISSUED', order_id = NULL, used_at = NULL WHERE coupon_id = ?`,
      [USED],
      '4 completed-uses-its-coupon',
      discounted,
    ],
    [
      'the same, as its redemption sees it',
      `UPDATE shop_coupon.coupons SET status = 'ISSUED', order_id = NULL, used_at = NULL WHERE coupon_id = ?`,
      [USED],
      '4 coupon-is-used-once',
      USED,
    ],
    [
      'a completed order whose redemption is lost',
      'DELETE FROM shop_coupon.redemptions WHERE order_id = ?',
      [discounted],
      '4 completed-uses-its-coupon',
      discounted,
    ],
    [
      'a completed order that was discounted without naming a coupon',
      'UPDATE shop_order.orders SET coupon_id = NULL, discount_amount = 1 WHERE order_id = ?',
      [ORDERS.completed],
      '4 completed-uses-its-coupon',
      ORDERS.completed,
    ],
    [
      'a discount of another amount than the redeemed one',
      'UPDATE shop_coupon.redemptions SET discount_amount = 499 WHERE order_id = ?',
      [discounted],
      '4 completed-uses-its-coupon',
      discounted,
    ],
    [
      'a payment that knows another discount',
      'UPDATE shop_payment.payments SET discount_amount = 499 WHERE order_id = ?',
      [discounted],
      '4 completed-is-sold-and-paid',
      discounted,
    ],
    [
      'a coupon used by an order that did not redeem it',
      `UPDATE shop_coupon.coupons SET status = 'USED', order_id = ?, used_at = NOW(3) WHERE coupon_id = ?`,
      [ORDERS.completed, FREE],
      '4 coupon-is-used-once',
      FREE,
    ],
    [
      'two coupons used by one order',
      `UPDATE shop_coupon.coupons SET status = 'USED', order_id = ?, used_at = NOW(3) WHERE coupon_id = ?`,
      [discounted, FREE],
      '4 coupon-is-used-once',
      FREE,
    ],
    [
      'a cancelled order that keeps its coupon',
      `UPDATE shop_coupon.coupons SET status = 'USED', order_id = ?, used_at = NOW(3) WHERE coupon_id = ?`,
      [refunded, FREE],
      '5 cancelled-keeps-no-coupon',
      refunded,
    ],
    [
      'a cancelled order whose redemption was not undone',
      `UPDATE shop_coupon.redemptions SET status = 'REDEEMED' WHERE order_id = ?`,
      [refunded],
      '5 cancelled-keeps-no-coupon',
      refunded,
    ],
    [
      'an unknown state of a redemption',
      `UPDATE shop_coupon.redemptions SET status = 'LOST' WHERE order_id = ?`,
      [rejected],
      '6 state-is-known',
      rejected,
    ],
    [
      'a redemption without its order',
      'UPDATE shop_order.orders SET order_id = ? WHERE order_id = ?',
      ['0193b5a1-0009-7000-8000-000000000009', rejected],
      '6 reservation-has-an-order',
      rejected,
    ],
    [
      'a counter that is not its coupons',
      'UPDATE shop_coupon.coupon_policies SET issued_count = 2 WHERE coupon_policy_id = ?',
      [2],
      '7 issued-within-quantity',
      '2',
    ],
    [
      'more coupons than there are',
      'UPDATE shop_coupon.coupon_policies SET total_quantity = 1 WHERE coupon_policy_id = ?',
      [1],
      '7 issued-within-quantity',
      '1',
    ],
    [
      'a coupon that is worth more than its policy says',
      'UPDATE shop_coupon.coupons SET discount_amount = 5000 WHERE coupon_id = ?',
      [FREE],
      '7 coupon-is-its-policys',
      FREE,
    ],
    [
      'an event without its redemption',
      'DELETE FROM shop_coupon.redemptions WHERE order_id = ?',
      [rejected],
      '8 events-have-rows',
      rejected,
    ],
    [
      'an event without its coupon',
      'DELETE FROM shop_coupon.coupons WHERE coupon_id = ?',
      [EXPIRED],
      '8 events-have-rows',
      EXPIRED,
    ],
    [
      'a coupon whose event never came',
      'UPDATE shop_coupon.coupons SET coupon_id = ? WHERE coupon_id = ?',
      ['0193b5a0-0000-7000-a000-000000000004', FREE],
      '8 rows-have-events',
      '0193b5a0-0000-7000-a000-000000000004',
    ],
    [
      'an event without its policy',
      'DELETE FROM shop_coupon.coupon_policies WHERE coupon_policy_id = ?',
      [2],
      '8 events-have-rows',
      POLICIES[1] ?? '',
    ],
    [
      'a request whose event never came',
      'UPDATE shop_coupon.coupon_requests SET request_id = ?',
      ['0193b5a0-0000-7000-c000-000000000002'],
      '8 rows-have-events',
      '0193b5a0-0000-7000-c000-000000000002',
    ],
    [
      'a redemption whose event was forgotten by payment',
      'DELETE FROM shop_payment.processed_event WHERE event_id = ?',
      [deriveEventId(discounted, 'coupon-redeemed')],
      '9 offsets-are-accounted-for',
      expect.stringContaining('payment: coupon-events/0@') as unknown as string,
    ],
    [
      'a stock-reserved with a coupon that was forgotten by coupon',
      'DELETE FROM shop_coupon.processed_event WHERE event_id = ?',
      [deriveEventId(discounted, 'stock-reserved')],
      '9 offsets-are-accounted-for',
      expect.stringContaining('coupon: catalog-events/0@') as unknown as string,
    ],
    [
      'a request that was forgotten',
      `DELETE FROM shop_coupon.processed_event WHERE consumer_group = ?`,
      ['coupon-issue'],
      '9 offsets-are-accounted-for',
      expect.stringContaining('coupon-issue: coupon-issue-requests/0@') as unknown as string,
    ],
    [
      'a key without its policy',
      `UPDATE shop_coupon.idempotency_key SET request_id = 'another' WHERE idem_key = ?`,
      ['first'],
      '12 one-effect-a-key-coupon',
      '0 POST /coupon-policies first',
    ],
  ])('when there is %s, then it is found', async (_, statement, params, check, id) => {
    await shop.sql(statement, params);
    expect([...new Set((await faults())[check])]).toEqual([id]);
  });

  it.each(['coupon-issued', 'coupon-issue-requested'] as const)(
    'when the event of a coupon is on no topic, and what waits or was set aside with its id is %s, then only its own excuses it',
    async (type) => {
      shop.records.splice(
        shop.records.findIndex(({ id }) => id === FREE),
        1,
      );
      const expected = type === 'coupon-issued' ? {} : { '8 rows-have-events': [FREE] };
      await shop.sql(
        `INSERT INTO shop_coupon.outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at) VALUES (?, 'any', '2', ?, '', '{}', ?)`,
        [FREE, type, AT],
      );
      expect(await faults()).toEqual(expected);
      await shop.sql(
        `INSERT INTO shop_coupon.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_id, event_type, reason, attempts, headers, failed_at, resolution)
         SELECT 'outbox', aggregatetype, -1, seq, aggregateid, 'DISCARDED', id, type, 'REFUSED', 0, headers, created_at, 'too large' FROM shop_coupon.outbox`,
      );
      await shop.sql('DELETE FROM shop_coupon.outbox');
      expect(await faults()).toEqual(expected);
    },
  );

  it('when a request was purged after its retention, then its event without a row is no fault', async () => {
    await shop.sql('DELETE FROM shop_coupon.coupon_requests');
    expect(await faults()).toEqual({});
  });
});

describe('the door in Redis', () => {
  const right: Record<number, Record<number, string>> = { 1: { 8: USED, 9: EXPIRED }, 2: { 8: FREE } };
  const doorOf = (holders: Record<number, Record<number, string>>, total: number | undefined = 2): DoorReader => ({
    total: async (id) => (holders[id] ? total : undefined),
    holders: async (id) => new Map(Object.entries(holders[id] ?? {}).map(([user, value]) => [Number(user), value])),
  });
  const found = async (door: DoorReader, graceMs = 0) =>
    (await faults({ door, graceMs }))['7 door-knows-the-coupons'] ?? [];

  it('when the door knows the coupons, or nothing yet, then all is well', async () => {
    expect(await found(doorOf(right))).toEqual([]);
    expect(await found(doorOf({}))).toEqual([]);
    expect(await found({ ...doorOf({ 1: { 8: 'not yet loaded' } }), total: async () => undefined })).toEqual([]);
  });

  it('when a place is younger than the service keeps it, then it is a fault only on an idle system', async () => {
    const young = doorOf({ ...right, 2: { 8: FREE, 77: `?${Date.now() - 20_000}` } });
    expect(await found(young)).toEqual(['2: 77']);
    expect(await found(young, 1)).toEqual([]);
  });

  it.each<[string, Record<number, Record<number, string>>, number | undefined, string[]]>([
    ['misses a coupon', { ...right, 1: { 8: USED } }, 2, ['1: 9']],
    ['has a coupon that is none', { ...right, 2: { 8: FREE, 77: 'x' } }, 2, ['2: 77']],
    ['has another coupon', { ...right, 2: { 8: USED } }, 2, ['2: 8']],
    ['has another quantity', right, 3, ['1: total', '2: total']],
    ['has a place that nobody claims', { ...right, 2: { 8: FREE, 77: '?1000' } }, 2, ['2: 77']],
    ['has a coupon’s place that was never written', { ...right, 2: { 8: '?1000' } }, 2, ['2: 8']],
  ])('when the door %s, then that is found', async (_, holders, total, ids) => {
    expect(await found(doorOf(holders, total))).toEqual(ids);
  });

  it('when a place was taken a moment ago, then it is on its way', async () => {
    const door = doorOf({ ...right, 2: { 8: FREE, 77: `?${Date.now()}` } });
    expect(await found(door, 60_000)).toEqual([]);
  });

  it('when the door is right at the second look, then there is no fault', async () => {
    let looks = 0;
    const late = doorOf({ ...right, 1: { 8: USED } });
    const door: DoorReader = {
      total: late.total,
      holders: (id) => (++looks > 2 ? doorOf(right) : late).holders(id),
    };
    expect(await found(door, 1)).toEqual([]);
    expect(looks).toBe(4);
  });

  it('when Redis is away, then the audit notes it and reports no fault', async () => {
    const away = () => Promise.reject(new DoorUnreadableError('it went'));
    for (const door of [undefined, { total: away, holders: away }]) {
      const report = await shop.audit(door ? { door } : {});
      expect(report.ok).toBe(true);
      expect(report.notes).toContainEqual(expect.stringContaining('coupons were not compared with Redis'));
      expect(report.findings.map((it) => it.name)).not.toContain('door-knows-the-coupons');
    }
  });
});
