import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaBroker, RefusedError, silentLogger } from '@shop/events';
import { createClient } from '../../libs/events/src/kafka/index.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { readMetric } from '../support/metrics.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const DEADLINE_MS = 6_000;
/** So many lines make stock-reserved larger than LIMIT_BYTES, and one line does not. */
const MANY_LINES = 40;
const LIMIT_BYTES = 1_500;
/** Kafka's number for settings of a topic. */
const TOPIC_RESOURCE = 2;

let system: System;

beforeAll(async () => {
  system = await startSystem({ env: { ORDER_DEADLINE_MS: String(DEADLINE_MS) } });
}, 120_000);

afterAll(() => system?.stop(), 60_000);

describe('a topic that is gone', () => {
  // A test that failed midway must not fail those after it; so below.
  afterAll(() => expectOps(system.stack, ['topics', '--execute']), 30_000);

  it('when the topic of dead letters is deleted and rubbish comes, then orders go on, it is named, and its return sends what waits', async () => {
    const { api, stack } = system;
    const [productId, userId] = [await api.newProduct(10, 1_000), await api.newUser(1_000)];
    await withAdmin((admin) => admin.deleteTopics({ topics: ['order-events.dlq'] }));
    await publish('order-events', randomUUID(), randomBytes(100));
    await eventually('every reader to hold back the copy of its dead letter', async () => {
      const rows = await waiting();
      return rows.catalog === 1 && rows.payment === 1 && rows.coupon === 1;
    });
    for (let n = 0; n < 20; n += 1) expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 5 }), 201);

    const status = (await expectOps(stack, ['status'], 3)).stdout;
    expect(status).toContain('order-events.dlq: UNKNOWN_TOPIC_OR_PARTITION: docs/runbooks/topic-refused.md');
    expect(await measureOf('catalog', 'order-events.dlq')).toBe(1);
    const lines = system.process('catalog').output(500).split('\n');
    expect(lines.filter((line) => line.includes('the broker refuses a topic'))).toHaveLength(1);
    expect((await expectOps(stack, ['outbox', 'list'], 3)).stdout).toContain('refused: UNKNOWN_TOPIC_OR_PARTITION');
    expect((await expectOps(stack, ['topics'], 3)).stdout).toMatch(/order-events\.dlq +it does not exist/);
    expect((await expectOps(stack, ['doctor'], 3)).stdout).toContain('topics --execute');

    expect((await expectOps(stack, ['topics', '--execute'])).stdout).toContain('made: order-events.dlq');
    await eventually('the outboxes to be empty', async () =>
      Object.values(await waiting()).every((rows) => rows === 0),
    );
    await eventually('the measure to fall', async () => (await measureOf('catalog', 'order-events.dlq')) === 0);
    expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 5 }), 201);
    await expectCleanAudit(system);
  });
});

describe('an event that is too large', () => {
  afterEach(() => limit('1048588'), 30_000);

  it('when the broker refuses it, then its order alone waits, and an operator sets it aside with a reason', async () => {
    const { api, stack } = system;
    const userId = await api.newUser(100_000);
    const products = await Promise.all(Array.from({ length: MANY_LINES }, () => api.newProduct(1, 100)));
    const [productId = 0] = products;
    await limit(String(LIMIT_BYTES));
    const large = expectStatus(
      await api.placeOrder(
        userId,
        products.map((id) => [id, 1] as const),
      ),
      202,
    ).body;
    const waitingEvent = await eventually('the large event to wait', () => firstOf('catalog'));
    for (let n = 0; n < 10; n += 1) expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 5 }), 201);
    expect((await expectOps(stack, ['status'], 3)).stdout).toContain('catalog-events: MESSAGE_TOO_LARGE');
    expect((await expectOps(stack, ['topics'], 3)).stdout).toContain('max.message.bytes is 1500');
    // The order ends by its deadline; what it had reserved is given back without an event of the catalog.
    expect((await api.settled(large.orderId, userId)).reason).toBe('ORDER_DEADLINE_EXCEEDED');

    const command = ['outbox', 'set-aside', `catalog/${waitingEvent}`, '--reason', 'larger than the topic takes'];
    expect((await expectOps(stack, command)).stdout).toContain('would set aside');
    expect((await expectOps(stack, [...command, '--execute'])).stdout).toContain('set aside: catalog/');
    await limit('1048588');
    const report = await expectCleanAudit(system);
    expect(report.notes).toEqual([
      expect.stringMatching(/stock-reserved .* was set aside .* catalog, and is not on catalog-events: larger than/),
    ]);
    await eventually('the measure to fall', async () => (await measureOf('catalog', 'catalog-events')) === 0, {
      withinMs: 30_000,
    });
    await expectOps(stack, ['outbox', 'list']);
  }, 90_000);

  it('when the topic takes larger events again, then the event that waited is sent and its order ends', async () => {
    const { api } = system;
    const userId = await api.newUser(100_000);
    const products = await Promise.all(Array.from({ length: MANY_LINES }, () => api.newProduct(1, 100)));
    await limit(String(LIMIT_BYTES));
    const placed = await api.placeOrder(
      userId,
      products.map((id) => [id, 1] as const),
    );
    await eventually('the large event to wait', () => firstOf('catalog'));
    await limit('1048588');
    const order = await api.settled(expectStatus(placed, 202).body.orderId, userId);
    expect(order.status).toBe('COMPLETED');
    await expectCleanAudit(system);
  }, 60_000);

  it('when a request has records of a missing topic and of another, then the broker adapter says that it is refused', async () => {
    const broker = connect();
    const record = (topic: string) => ({ topic, key: randomUUID(), value: randomBytes(10), headers: {} });
    try {
      const refused = broker.send([record('coupon-events.dlq'), record('no-such-topic')], { once: true });
      await expect(refused).rejects.toThrow(RefusedError);
      await broker.send([record('coupon-events.dlq')], { once: true });
    } finally {
      await broker.close();
    }
  });
});

const clientOptions = () => ({
  brokers: (system.stack.env.KAFKA_BROKERS ?? '').split(','),
  clientId: 'test',
  logger: silentLogger,
});

const connect = () => createKafkaBroker(clientOptions());

async function publish(topic: string, key: string, value: Buffer): Promise<void> {
  const broker = connect();
  await broker.send([{ topic, key, value, headers: {} }]).finally(() => broker.close());
}

async function withAdmin<T>(
  work: (admin: ReturnType<ReturnType<typeof createClient>['admin']>) => Promise<T>,
): Promise<T> {
  const admin = createClient(clientOptions()).admin();
  await admin.connect();
  return await work(admin).finally(() => admin.disconnect());
}

/** Sets the largest batch that catalog-events takes, bytes. */
async function limit(bytes: string): Promise<void> {
  const kept = [
    { name: 'retention.ms', value: String(7 * 86_400_000) },
    { name: 'segment.ms', value: String(86_400_000) },
  ];
  const configEntries = [...kept, { name: 'max.message.bytes', value: bytes }];
  const resource = { type: TOPIC_RESOURCE, name: 'catalog-events', configEntries };
  await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
}

/** Rows in the outbox of each service. */
async function waiting(): Promise<Record<string, number>> {
  const sql = await connectRoot(system.stack);
  try {
    const counts: Record<string, number> = {};
    for (const service of ['order', 'catalog', 'payment', 'coupon', 'ranking']) {
      const [row] = await sql.query<{ n: number }>(`SELECT COUNT(*) AS n FROM shop_${service}.outbox`);
      counts[service] = row?.n ?? 0;
    }
    return counts;
  } finally {
    await sql.close();
  }
}

/** The number of the first event that waits for more than a moment; undefined when none does. */
async function firstOf(service: string): Promise<number | undefined> {
  const sql = await connectRoot(system.stack);
  try {
    const [row] = await sql.query<{ seq: number }>(
      `SELECT seq FROM shop_${service}.outbox WHERE created_at < UTC_TIMESTAMP(3) - INTERVAL 1 SECOND ORDER BY seq LIMIT 1`,
    );
    return row?.seq;
  } finally {
    await sql.close();
  }
}

function measureOf(service: 'catalog', topic: string): Promise<number> {
  const url = (system.stack.env[`${service.toUpperCase()}_URLS`] ?? '').split(',')[0] ?? '';
  return readMetric(url, 'outbox_topic_refused', { topic });
}
