import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCodec, createKafkaAdmin, EVENTS, type EventType, envelopeOf, type IncomingRecord } from '@shop/events';
import { readAddresses } from '../../ops/src/addresses.ts';
import { RUNNING_TOPICS, RUNNING_TYPES } from '../../ops/src/running-events.ts';
import { connectSql } from '../../ops/src/sql.ts';
import { PUBLICATIONS } from '../../services/publications.ts';
import { schemaOf } from '../../services/services.ts';
import { expectStatus } from '../support/api.ts';
import { untilIdle } from '../support/audit.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;

beforeAll(async () => {
  system = await startSystem();
}, 120_000);

afterAll(() => system?.stop(), 30_000);

/** What rows do not tell of an event, and what stands there instead. */
const UNTOLD: Partial<Record<EventType, Readonly<Record<string, unknown>>>> = {
  'stock-rejected': { productId: null, totalAmount: null },
  'payment-failed': { payableAmount: 0, balance: 0 },
};

/** No order waits in line here, and no example runs. */
const isHere = (type: EventType) => type !== 'stock-awaited' && RUNNING_TYPES.includes(type);

it('when every kind of event was published, then the rows tell each of them again as it was', async () => {
  await publishEveryKind();
  await untilIdle(system);
  const published = await readLog();
  const derived = await readRows();
  const types = (Object.keys(EVENTS) as EventType[]).filter(isHere);
  expect([...new Set([...published.values()].map(({ type }) => type))].sort()).toEqual(types.sort());
  expect(new Set(derived.keys())).toEqual(new Set(published.keys()));
  for (const [id, event] of published) expect(derived.get(id)).toEqual(event);
});

async function publishEveryKind(): Promise<void> {
  const { api } = system;
  const userId = await api.newUser(10_000);
  await api.charge(userId, 500, 'a-key-of-a-charge');
  const productId = await api.newProduct(100, 100);
  await api.request('PATCH', `/products/${productId}`, {
    body: { restock: 5 },
    headers: { 'idempotency-key': 'restock' },
  });
  const couponPolicyId = await api.newPolicy({ discountAmount: 30 }, { 'idempotency-key': 'a-policy' });
  const issue = { body: { userId, couponPolicyId } };
  const { couponId } = expectStatus(await api.request<{ couponId: string }>('POST', '/coupons/issue', issue), 200).body;
  const other = await api.newUser(50);
  const queued = { body: { userId: other, couponPolicyId }, headers: { prefer: 'respond-async' } };
  expectStatus(await api.request('POST', '/coupons/issue', queued), 202);

  const order = (quantity: number, options: object = {}, user = userId) =>
    api.placeOrder(user, [[productId, quantity]], { wait: 10, ...options });
  const paid = expectStatus(await order(1, { couponId }), 201).body;
  expectStatus(await order(1, { couponId }), 409); // coupon-rejected
  expectStatus(await order(1_000), 409); // stock-rejected
  expectStatus(await order(1, {}, other), 402); // payment-failed
  expectStatus(await order(2), 201);
  expect([200, 202]).toContain((await api.cancel(paid.orderId, userId)).status);
  const end = { body: { revoke: false, reason: 'the end' } };
  expectStatus(await api.request('POST', `/coupon-policies/${couponPolicyId}/end`, end), 200);
}

interface Told {
  readonly type: string;
  readonly topic: string;
  readonly key: string | null;
  readonly data: unknown;
  readonly attributes: Readonly<Record<string, string | undefined>>;
}

/**
 * Every event on the log, by type and id: a request for a coupon and its coupon have the same id. Fields that rows do
 * not tell have what stands there instead.
 */
async function readLog(): Promise<Map<string, Told>> {
  const { brokers, registry } = readAddresses(system.stack.env);
  const codec = createCodec({ registryUrl: registry });
  const log = await createKafkaAdmin({ brokers });
  const records: IncomingRecord[] = [];
  try {
    await log.read(await log.ranges(RUNNING_TOPICS), (record) => void records.push(record));
  } finally {
    await log.close();
  }
  const told = new Map<string, Told>();
  for (const { topic, key, value, headers } of records) {
    const { type, data } = await codec.decode(value ?? Buffer.alloc(0));
    const attributes = attributesOf(headers);
    told.set(`${type} ${headers.ce_id}`, { type, topic, key, data: { ...data, ...UNTOLD[type] }, attributes });
  }
  return told;
}

/** Every event that the rows tell, by type and id. */
async function readRows(): Promise<Map<string, Told>> {
  const told = new Map<string, Told>();
  for (const { service, read } of PUBLICATIONS) {
    const url = new URL(readAddresses(system.stack.env).auditDatabase);
    url.pathname = schemaOf(service);
    const sql = await connectSql(url.href);
    try {
      for await (const page of read(sql, system.startedAt)) {
        for (const { event, at } of page) {
          const { id, type, topic, key, headers } = envelopeOf(service, event, at);
          told.set(`${type} ${id}`, { type, topic, key, data: event.data, attributes: attributesOf(headers) });
        }
      }
    } finally {
      await sql.close();
    }
  }
  return told;
}

/** The headers that are the same each time: no time, cause, trace or sequence. */
function attributesOf(headers: Readonly<Record<string, string>>): Told['attributes'] {
  const { ce_time: _t, ce_causationid: _c, ce_sequence: _s, traceparent: _p, ...same } = headers;
  return same;
}
