import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { AT, addOrder, claim, emptyShop, fillShop, ORDERS } from './audit-example.ts';
import { createShop, endOf, type Shop } from './audit-fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await createShop();
});
afterAll(() => shop.close());
beforeEach(async () => {
  await emptyShop(shop);
  await fillShop(shop);
});

const { completed, refunded, rejected, voided } = ORDERS;
const another = '0193b5a1-0000-7000-8000-000000000006';

/** Names of the checks that failed, with their examples. */
async function faults(): Promise<Record<string, string[]>> {
  const { findings } = await shop.audit();
  return Object.fromEntries(
    findings.filter((it) => it.failed > 0).map((it) => [`${it.invariant} ${it.name}`, it.examples.map(({ id }) => id)]),
  );
}

describe('the audit of a shop where all is well', () => {
  it('when all is well, then nothing is found, and the report says how much was checked', async () => {
    const report = await shop.audit();
    expect(report.findings.filter((it) => it.failed > 0 || it.parked > 0)).toEqual([]);
    expect(report).toMatchObject({ ok: true, orders: 5, records: shop.records.length });
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    expect(new Set(report.findings.map((it) => it.invariant))).toEqual(new Set(numbers));
    for (const { name, checked } of report.findings) {
      if (
        ![
          'nothing-is-stranded',
          'redriven-was-applied',
          'pending-within-deadline',
          'one-effect-a-key-catalog',
          // Coupons have their own example.
          'coupon-is-used-once',
          'issued-within-quantity',
          'coupon-is-its-policys',
          'one-effect-a-key-coupon',
          'ended-issues-no-more',
          'revoked-as-wished',
        ].includes(name)
      ) {
        expect([name, typeof checked === 'number' && checked > 0]).toEqual([name, true]);
      }
    }
  });

  it('when events came twice, then nothing is found', async () => {
    for (const record of [...shop.records])
      shop.publish(record.key ?? '', 'order-created', {
        ...record,
        offset: endOf(shop.records, record.topic),
      });
    expect(await faults()).toEqual({});
  });

  it('when only rows after a moment are audited, then nothing is found', async () => {
    const report = await shop.audit({ since: new Date('2026-06-01T00:00:00Z') });
    expect(report).toMatchObject({ ok: true, orders: 0 });
    const ofOrders = report.findings.find(({ name }) => name === 'rows-have-events');
    expect(ofOrders?.state).toBe('NOTHING_TO_CHECK');
  });
});

describe('one broken row', () => {
  it.each<[string, string, (string | number | Date)[], string, string]>([
    ['stock that does not add up', 'UPDATE shop_catalog.products SET available = 7', [], '1 stock-adds-up', '1'],
    ['negative stock', 'UPDATE shop_catalog.products SET available = -1, sold = 11', [], '1 stock-adds-up', '1'],
    [
      'sold stock without its reservation',
      'UPDATE shop_catalog.products SET available = 7, sold = 3',
      [],
      '1 stock-is-its-reservations',
      '1',
    ],
    [
      'stock that nobody brought',
      'UPDATE shop_catalog.products SET restocked = 5, available = 13',
      [],
      '1 stock-is-its-changes',
      '1',
    ],
    [
      'a withdrawal that no change tells',
      'UPDATE shop_catalog.products p JOIN shop_catalog.product_changes c USING (product_id) SET p.on_sale = 0, c.on_sale = 1',
      [],
      '1 withdrawn-by-an-operator',
      '1',
    ],
    [
      'a balance that is not its history',
      'UPDATE shop_payment.accounts SET balance = 2999',
      [],
      '2 balance-is-its-history',
      '7',
    ],
    ['money that does not add up', 'UPDATE shop_payment.accounts SET balance = 2999', [], '2 money-adds-up', 'all'],
    ['a history without an account', 'DELETE FROM shop_payment.accounts', [], '2 history-has-an-account', '7'],
    [
      'a payment of another amount',
      `UPDATE shop_payment.payments SET paid_amount = 1999 WHERE order_id = ?`,
      [completed],
      '3 payment-is-its-history',
      completed,
    ],
    [
      'a refund that the payment does not know',
      `UPDATE shop_payment.payments SET status = 'COMPLETED' WHERE order_id = ?`,
      [refunded],
      '3 payment-is-its-history',
      refunded,
    ],
    [
      'points used without a payment',
      'DELETE FROM shop_payment.payments WHERE order_id = ?',
      [completed],
      '3 history-has-a-payment',
      expect.any(String) as unknown as string,
    ],
    [
      'a completed order without its payment',
      'DELETE FROM shop_payment.payments WHERE order_id = ?',
      [completed],
      '4 completed-is-sold-and-paid',
      completed,
    ],
    [
      'a completed order whose stock is not sold',
      `UPDATE shop_catalog.reservations SET status = 'ACTIVE' WHERE order_id = ?`,
      [completed],
      '4 completed-is-sold-and-paid',
      completed,
    ],
    [
      'a completed order of another price',
      'UPDATE shop_order.orders SET total_amount = 1 WHERE order_id = ?',
      [completed],
      '4 completed-is-sold-and-paid',
      completed,
    ],
    [
      'a reservation without its lines',
      'DELETE FROM shop_catalog.reservation_lines WHERE order_id = ?',
      [completed],
      '4 reservation-lines-add-up',
      completed,
    ],
    [
      'a cancelled order that holds stock',
      `UPDATE shop_catalog.reservations SET status = 'SOLD' WHERE order_id = ?`,
      [refunded],
      '5 cancelled-holds-nothing',
      refunded,
    ],
    [
      'a cancelled order that was not refunded',
      `UPDATE shop_payment.payments SET status = 'COMPLETED' WHERE order_id = ?`,
      [refunded],
      '5 cancelled-holds-nothing',
      refunded,
    ],
    [
      'an order pending for too long',
      `UPDATE shop_order.orders SET status = 'PENDING' WHERE order_id = ?`,
      [voided],
      '6 pending-within-deadline',
      voided,
    ],
    [
      'an unknown state',
      `UPDATE shop_order.orders SET status = 'LOST' WHERE order_id = ?`,
      [voided],
      '6 state-is-known',
      voided,
    ],
    [
      'a reservation without its order',
      'DELETE FROM shop_order.orders WHERE order_id = ?',
      [rejected],
      '6 reservation-has-an-order',
      rejected,
    ],
    [
      'events without their order',
      'DELETE FROM shop_order.orders WHERE order_id = ?',
      [rejected],
      '8 events-have-rows',
      rejected,
    ],
    [
      'an event without its charge',
      `UPDATE shop_payment.point_history SET request_id = NULL WHERE type = 'CHARGE'`,
      [],
      '8 events-have-rows',
      expect.any(String) as unknown as string,
    ],
    [
      'a forgotten event',
      'DELETE FROM shop_payment.processed_event WHERE event_id = ?',
      [deriveEventId(completed, 'stock-reserved')],
      '9 offsets-are-accounted-for',
      expect.stringContaining('payment: catalog-events/0@') as unknown as string,
    ],
    [
      'a key without its effect',
      `UPDATE shop_payment.point_history SET request_id = NULL WHERE type = 'CHARGE'`,
      [],
      '12 one-effect-a-key-payment',
      '7 POST /points/charge charge',
    ],
    [
      'a key whose cancelled order lives',
      `UPDATE shop_order.orders SET status = 'COMPLETED' WHERE order_id = ?`,
      [refunded],
      '12 cancel-keys-cancelled',
      refunded,
    ],
    [
      'an event that an order heard twice',
      'UPDATE shop_order.order_history SET event_id = ? WHERE order_id = ? AND seq = 2',
      [deriveEventId(completed, 'order-created'), completed],
      '12 each-event-once',
      completed,
    ],
    [
      'a step of a history that is lost',
      'DELETE FROM shop_order.order_history WHERE order_id = ? AND seq = 2',
      [completed],
      '12 each-event-once',
      completed,
    ],
  ])('when there is %s, then it is found', async (_, statement, params, check, id) => {
    await shop.sql(statement, params);
    expect([...new Set((await faults())[check])]).toEqual([id]);
  });
});

describe('lines of a reservation that are not those of its order', () => {
  const { unpaid } = ORDERS;

  /** A second product, of which nothing is sold. */
  async function addProduct(): Promise<void> {
    const created = '0193b5a0-0000-7000-9000-000000000012';
    await shop.sql(
      `INSERT INTO shop_catalog.products (product_id, name, price, initial_stock, available, version, created_at, updated_at) VALUES (2, 'Cup', 1000, 10, 10, 1, ?, ?)`,
      [AT, AT],
    );
    await shop.sql(
      `INSERT INTO shop_catalog.product_changes (request_id, product_id, version, change_type, name, price, stock_delta, available, created_at) VALUES (?, 2, 1, 'CREATED', 'Cup', 1000, 10, 10, ?)`,
      [created, AT],
    );
    shop.publishRequest('product-changed', '2', created);
    await claim(shop, 'ranking', created);
  }

  it.each([
    ['sold', completed],
    ['released', unpaid],
  ])('when the wrong product was %s at the same price, then it is found', async (_, orderId) => {
    await addProduct();
    expect(await faults()).toEqual({});
    await shop.sql('UPDATE shop_catalog.reservation_lines SET product_id = 2 WHERE order_id = ?', [orderId]);
    if (orderId === completed)
      await shop.sql('UPDATE shop_catalog.products SET available = 18 - available, sold = 2 - sold');
    expect(await faults()).toEqual({ '4 reservation-lines-add-up': [orderId] });
  });

  it('when products have changed their quantities, then it is found', async () => {
    await addProduct();
    await shop.sql('INSERT INTO shop_order.order_items (order_id, product_id, quantity) VALUES (?, 2, 1)', [unpaid]);
    await shop.sql(
      `INSERT INTO shop_catalog.reservation_lines (order_id, product_id, name, unit_price, quantity) VALUES (?, 2, 'Cup', 1000, 1)`,
      [unpaid],
    );
    await shop.sql('UPDATE shop_catalog.reservations SET total_amount = 3000 WHERE order_id = ?', [unpaid]);
    expect(await faults()).toEqual({});
    await shop.sql('UPDATE shop_catalog.reservation_lines SET quantity = 3 - quantity WHERE order_id = ?', [unpaid]);
    expect(await faults()).toEqual({ '4 reservation-lines-add-up': [unpaid] });
  });

  it('when the order knows another price, then it is found; when it knows the same or none, then it is not', async () => {
    const price = (amount: number) =>
      shop.sql('UPDATE shop_order.order_items SET unit_price = ? WHERE order_id = ?', [amount, completed]);
    await price(1000);
    expect(await faults()).toEqual({});
    await price(999);
    expect(await faults()).toEqual({ '4 reservation-lines-add-up': [completed] });
  });
});

describe('rows and topics that differ', () => {
  it('when an event never came to its topic, then it is found', async () => {
    const index = shop.records.findIndex((record) => record.key === completed && record.type === 'order-completed');
    shop.records.splice(index, 1);
    expect(await faults()).toMatchObject({ '8 rows-have-events': [completed] });
  });

  it.each([undefined, new Date('2024-01-01T00:00:00Z')])(
    'when retention has emptied a partition of another topic, then all else is compared since %s, and a note tells what is not',
    async (since) => {
      shop.emptied.add('coupon-issue-requests');
      const index = shop.records.findIndex((record) => record.key === completed && record.type === 'order-completed');
      shop.records.splice(index, 1);
      const end = deriveEventId(refunded, 'order-cancelled');
      shop.delivered?.splice(shop.delivered.indexOf(end), 1);
      const report = await shop.audit(since && { since });
      expect(report).toMatchObject({ state: 'BROKEN', orders: 5 });
      const failed = report.findings.flatMap((it) =>
        it.failed > 0 ? [it.name, ...it.examples.map(({ id }) => id)] : [],
      );
      expect(failed).toEqual(['rows-have-events', completed, 'ended-orders-are-delivered', end]);
      expect(report.notes).toContainEqual(expect.stringContaining('coupon-issue-requests'));
    },
  );

  it('when an event waits in the outbox, then it is under way and no fault', async () => {
    const index = shop.records.findIndex((record) => record.key === completed && record.type === 'payment-completed');
    const [event] = shop.records.splice(index, 1);
    await shop.sql(
      `INSERT INTO shop_payment.outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at) VALUES (?, 'payment-events', ?, 'payment-completed', '', '{}', ?)`,
      [event?.id ?? '', completed, new Date()],
    );
    const report = await shop.audit();
    expect(report.findings.find((it) => it.name === 'rows-have-events')).toMatchObject({ failed: 0, underway: 1 });
  });

  it('when an event is not implied by its rows, then it is found', async () => {
    shop.publish(rejected, 'payment-completed');
    expect(await faults()).toMatchObject({ '8 events-have-rows': [rejected] });
  });

  it('when an event is of an order that never was, then it is found', async () => {
    shop.publish(another, 'order-created');
    expect(await faults()).toMatchObject({ '8 events-have-rows': [another] });
  });

  it('when the id of an event is not the derived one, then it is found', async () => {
    shop.publish(completed, 'order-created', { id: 'drawn' });
    expect(Object.keys(await faults())).toContain('8 events-have-derived-ids');
  });

  it('when events are out of order, then they are found', async () => {
    await addOrder(shop, another, { order: 'COMPLETED', reservation: 'SOLD', payment: 'COMPLETED' });
    const created = shop.records.find((record) => record.key === another && record.type === 'order-created');
    const done = shop.records.find((record) => record.key === another && record.type === 'order-completed');
    if (!created || !done) throw new Error('the example has no such events');
    const [first, second] = [created.offset, done.offset];
    shop.records.splice(shop.records.indexOf(created), 1);
    shop.records.push({ ...created, offset: second });
    shop.records.splice(shop.records.indexOf(done), 1, { ...done, offset: first });
    expect(await faults()).toMatchObject({ '8 events-in-commit-order': [another] });
  });

  it('when an unreadable record was consumed and forgotten, then it is found; when it was dead-lettered, then it is not', async () => {
    const readers = ['catalog', 'coupon', 'payment', 'ranking', 'data-platform'];
    const { offset } = shop.publish('x', 'order-created', { type: undefined, id: undefined, key: null });
    expect(await faults()).toEqual({
      '9 offsets-are-accounted-for': [`order-events/0@${offset}`],
    });
    for (const group of readers) await setAside(group, 'DEAD', { offset });
    expect(await faults()).toEqual({});
  });

  it('when a record has the headers of an event but was found unreadable, then it is no fault', async () => {
    const { offset } = shop.publish(another, 'order-created');
    expect(Object.keys(await faults())).toContain('8 events-have-rows');
    await setAside('catalog', 'DISCARDED', { offset, reason: 'UNDECODABLE' });
    expect(await faults()).toEqual({});
  });

  it.each(['DEAD', 'REDRIVEN'])(
    'when a group could not read an event that others have applied and its letter is %s, then the event counts',
    async (status) => {
      const { offset } = shop.records.find((it) => it.type === 'order-completed' && it.key === completed) ?? {
        offset: -1,
      };
      await setAside('ranking', status, { offset, reason: 'UNDECODABLE' });
      expect(await faults()).toEqual({});
    },
  );
});

describe('the audit on a live system', () => {
  it('when a row is right at the second look, then it is no fault', async () => {
    await shop.sql(`UPDATE shop_catalog.reservations SET status = 'ACTIVE' WHERE order_id = ?`, [completed]);
    await shop.sql('UPDATE shop_catalog.products SET reserved = 2, sold = 0');
    expect((await shop.audit()).ok).toBe(false);
    const meanwhile = async () => {
      await shop.sql(`UPDATE shop_catalog.reservations SET status = 'SOLD' WHERE order_id = ?`, [completed]);
      await shop.sql('UPDATE shop_catalog.products SET reserved = 0, sold = 2');
    };
    expect((await shop.audit({ graceMs: 1, meanwhile })).ok).toBe(true);
  });

  it('when an event was relayed during the audit, then it is no fault', async () => {
    const index = shop.records.findIndex((record) => record.key === voided && record.type === 'order-cancelled');
    const [event] = shop.records.splice(index, 1);
    if (event) Object.assign(event, { offset: endOf(shop.records, 'order-events') });
    const meanwhile = () => Promise.resolve(void (event && shop.records.push(event)));
    expect((await shop.audit({ meanwhile })).findings.find((it) => it.name === 'rows-have-events')?.failed).toBe(0);
  });

  it('when a fault waits behind a dead letter, then it is listed apart', async () => {
    await shop.sql(`UPDATE shop_catalog.reservations SET status = 'ACTIVE' WHERE order_id = ?`, [refunded]);
    await shop.sql('UPDATE shop_catalog.products SET available = 6, reserved = 2');
    expect(Object.keys(await faults())).toEqual(['5 cancelled-holds-nothing']);
    await setAside('catalog', 'DEAD', { key: refunded });
    await shop.sql(
      `INSERT INTO shop_catalog.parked_key (consumer_group, message_key, topic, parked_at) VALUES ('catalog', ?, 'order-events', ?)`,
      [refunded, new Date()],
    );
    const report = await shop.audit();
    expect(report.ok).toBe(true);
    expect(report.findings.find((it) => it.name === 'cancelled-holds-nothing')).toMatchObject({
      failed: 0,
      parked: 1,
      parkedExamples: [{ id: refunded }],
    });
  });

  it('when a letter with the same key is of another kind, or its group has no part in a fault, then it excuses nothing', async () => {
    await shop.sql('UPDATE shop_payment.accounts SET balance = 2999');
    await shop.sql('UPDATE shop_payment.payments SET paid_amount = 1999 WHERE order_id = ?', [completed]);
    for (const group of ['ranking', 'catalog', 'payment'])
      for (const key of ['7', completed]) await setAside(group, 'DEAD', { key, offset: key.length });
    expect(await faults()).toMatchObject({
      '2 balance-is-its-history': ['7'],
      '3 payment-is-its-history': [completed],
      '4 completed-is-sold-and-paid': [completed],
    });
  });

  it('when two groups left something of an order undone, then it takes a dead letter in each to explain it', async () => {
    await shop.sql(`UPDATE shop_catalog.reservations SET status = 'ACTIVE' WHERE order_id = ?`, [refunded]);
    await shop.sql(`UPDATE shop_payment.payments SET status = 'COMPLETED' WHERE order_id = ?`, [refunded]);
    const look = async () => (await shop.audit()).findings.find((it) => it.name === 'cancelled-holds-nothing');
    await setAside('catalog', 'DEAD', { key: refunded });
    expect(await look()).toMatchObject({ failed: 1, parked: 0 });
    await setAside('payment', 'DEAD', { key: refunded });
    expect(await look()).toMatchObject({ failed: 0, parked: 1 });
  });

  it('when a message is parked behind nothing, then it is found', async () => {
    await setAside('catalog', 'PARKED', { key: refunded });
    expect(Object.keys(await faults())).toEqual(['9 nothing-is-stranded']);
  });

  it.each(['DEAD', 'REDRIVE'])(
    'when the key of a %s letter is not parked, though its group parks, then it is found',
    async (status) => {
      await setAside('catalog', status, { key: refunded });
      expect(await faults()).toEqual({ '9 nothing-is-stranded': [`catalog: ${refunded}`] });
      await park('catalog', refunded);
      expect(await faults()).toEqual({});
    },
  );

  it('when a letter cannot park its key, or its group does not park, then nothing is stranded', async () => {
    // A key that was too long stands there cut off. Each half of a pair counts, as it does where it is cut.
    await setAside('catalog', 'DEAD', { key: 'k'.repeat(255) });
    await setAside('catalog', 'DEAD', { key: `${'🫖'.repeat(127)}k`, offset: 10_000 });
    await setAside('catalog', 'DEAD', { offset: 10_001 });
    await setAside('coupon-issue', 'DEAD', { key: '1' });
    await setAside('catalog', 'DISCARDED', { key: refunded, offset: 10_002 });
    expect(await faults()).toEqual({});
    await setAside('catalog', 'DEAD', { key: '🫖'.repeat(127), offset: 10_003 });
    expect(Object.keys(await faults())).toEqual(['9 nothing-is-stranded']);
  });

  it('when a message counts as redriven but was not applied, then it is found as long as its inbox remembers', async () => {
    const redriven = async (offset: number, days: number) => {
      const resolvedAt = new Date(Date.now() - days * 86_400_000);
      const eventId = deriveEventId(another, offset === 1 ? 'order-created' : 'order-completed');
      await setAside('catalog', 'REDRIVEN', { key: another, eventId, offset, resolvedAt });
    };
    const look = async (since?: Date) =>
      (await shop.audit(since && { since })).findings.find((it) => it.name === 'redriven-was-applied');
    await redriven(1, 11);
    expect(await look()).toMatchObject({ failed: 0, checked: 0 });
    await redriven(2, 1);
    expect(await look()).toMatchObject({ failed: 1, checked: 1 });
    expect(await look(new Date())).toMatchObject({ failed: 0, checked: 0 });
    expect(Object.keys(await faults())).toEqual(['9 redriven-was-applied']);
  });
});

describe('deliveries to the data platform', () => {
  const cancellation = deriveEventId(refunded, 'order-cancelled');
  const take = (id: string) => shop.delivered?.splice(shop.delivered.indexOf(id), 1);
  const looks = async (options: Parameters<Shop['audit']>[0] = {}) => {
    const { findings } = await shop.audit(options);
    return findings.find((it) => it.name === 'ended-orders-are-delivered');
  };
  /** As if the platform were away: the group's offset is before its last message. */
  const lag = () => shop.committed.set('data-platform order-events', endOf(shop.records, 'order-events') - 1);

  it('when the platform lacks an end, then it is found, whether the group applied it or not', async () => {
    take(cancellation);
    expect(await faults()).toEqual({ '11 ended-orders-are-delivered': [cancellation] });
    lag();
    expect(await faults()).toEqual({ '11 ended-orders-are-delivered': [cancellation] });
    shop.committed.clear();
    await shop.sql('DELETE FROM shop_order.processed_event WHERE event_id = ?', [cancellation]);
    expect((await faults())['11 ended-orders-are-delivered']).toEqual([cancellation]);
  });

  it('when the platform has an event of no order, one that its order does not imply, or one twice, then these are found', async () => {
    const strange = deriveEventId(another, 'order-completed');
    const wrong = deriveEventId(rejected, 'order-completed');
    shop.delivered?.push(strange, wrong, cancellation);
    expect(await faults()).toEqual({ '11 delivered-is-an-end': [cancellation, strange, wrong] });
  });

  it('when an end is ahead of the group, in the outbox or delivered meanwhile, then it is no fault', async () => {
    take(cancellation);
    await shop.sql('DELETE FROM shop_order.processed_event WHERE event_id = ?', [cancellation]);
    lag();
    expect(await looks()).toMatchObject({ failed: 0, underway: 1 });
    const meanwhile = async () => void shop.delivered?.push(cancellation);
    expect(await looks({ graceMs: 1, meanwhile })).toMatchObject({ failed: 0, underway: 0 });

    take(cancellation);
    shop.committed.clear();
    await shop.sql(
      `INSERT INTO shop_order.outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at) VALUES (?, 'order-events', ?, 'order-cancelled', '', '{}', ?)`,
      [cancellation, refunded, new Date()],
    );
    expect(await looks()).toMatchObject({ failed: 0, underway: 1 });
  });

  it('when an end is dead-lettered, then it is listed apart, and excuses no other fault', async () => {
    take(cancellation);
    await setAside('data-platform', 'DEAD', { key: refunded, eventId: cancellation });
    await shop.sql(
      `INSERT INTO shop_order.parked_key (consumer_group, message_key, topic, parked_at) VALUES ('data-platform', ?, 'order-events', ?)`,
      [refunded, new Date()],
    );
    expect(await looks()).toMatchObject({ failed: 0, parked: 1, parkedExamples: [{ id: cancellation }] });
    await shop.sql(`UPDATE shop_payment.payments SET status = 'COMPLETED' WHERE order_id = ?`, [refunded]);
    expect(Object.keys(await faults())).toContain('5 cancelled-holds-nothing');
  });

  it('when the platform cannot be asked, then a note says so, and nothing is wrong', async () => {
    shop.delivered = undefined;
    const report = await shop.audit();
    expect(report.ok).toBe(true);
    expect(report.notes).toContain(
      'deliveries to the data platform were not checked: it cannot be asked (nobody answers)',
    );
    expect(report.findings.filter((it) => it.invariant === 11)).toEqual([]);
  });

  it('when deliveries are from before the audit’s moment, then they are left out', async () => {
    shop.delivered = [cancellation];
    expect(await shop.audit({ since: new Date('2026-06-01T00:00:00Z') })).toMatchObject({ ok: true });
  });
});

async function setAside(
  group: string,
  status: string,
  at: { offset?: number; key?: string; eventId?: string; reason?: string; resolvedAt?: Date },
): Promise<void> {
  const { offset = 9_999, key, eventId, reason = 'HANDLER_ERROR', resolvedAt } = at;
  const service = group === 'data-platform' ? 'order' : group === 'coupon-issue' ? 'coupon' : group;
  await shop.sql(
    `INSERT INTO shop_${service}.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_id, event_type, reason, attempts, headers, failed_at, resolved_at)
     VALUES (?, 'order-events', 0, ?, ${key ? '?' : 'NULL'}, ?, ${eventId ? '?' : 'NULL'}, 'order-created', ?, 3, '{}', ?, ${resolvedAt ? '?' : 'NULL'})`,
    [
      ...[group, offset, ...(key ? [key] : []), status, ...(eventId ? [eventId] : []), reason, new Date()],
      ...(resolvedAt ? [resolvedAt] : []),
    ],
  );
}

async function park(service: string, key: string): Promise<void> {
  await shop.sql(
    `INSERT INTO shop_${service}.parked_key (consumer_group, message_key, topic, parked_at) VALUES (?, ?, 'order-events', ?)`,
    [service, key, new Date()],
  );
}
