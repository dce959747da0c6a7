import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaAdmin } from '@shop/events';
import { readAddresses } from '../../ops/src/addresses.ts';
import { type AuditSession, openAudit } from '../../ops/src/audit/index.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { eventually, eventuallyPasses } from '../support/eventually.ts';
import { createFailpoints, type Failpoints } from '../support/failpoints.ts';
import { expectOps } from '../support/ops.ts';
import { type RegistryProxy, startRegistryProxy } from '../support/registry-proxy.ts';
import { connectRoot, testStack } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Of each topic of the local stack. */
const PARTITIONS = 6;
let system: System;
let failpoints: Failpoints;
let registry: RegistryProxy;
let session: AuditSession;

beforeAll(async () => {
  failpoints = createFailpoints(testStack());
  registry = await startRegistryProxy(testStack().env.SCHEMA_REGISTRY_URL ?? '');
  system = await startSystem({ env: { ...failpoints.env, SCHEMA_REGISTRY_URL: registry.url } });
  session = await openAudit(readAddresses(system.stack.env));
}, 120_000);

afterAll(async () => {
  await session?.close();
  await system?.stop();
  await registry?.close();
}, 30_000);

/** Places orders until so many are COMPLETED. A busy shop refuses some: nothing was done for those. */
async function completeOrders(count: number, atOnce = 40): Promise<void> {
  const productId = await eventually('a product', () => system.api.newProduct(10, 10 * count));
  const userId = await eventually('a user', () => system.api.newUser(100 * count));
  for (let left = count; left > 0; ) {
    const orders = Array.from({ length: Math.min(left, atOnce) }, () =>
      system.api.placeOrder(userId, [[productId, 1]], { wait: 10 }),
    );
    for (const answer of await Promise.all(orders)) if (answer.status === 201) left -= 1;
  }
}

/** The keys of all messages of a type, by partition. */
async function keysByPartition(topic: string, type: string): Promise<string[][]> {
  const keys: string[][] = Array.from({ length: PARTITIONS }, () => []);
  await session.log.read(await session.log.held([topic]), (record) => {
    if (record.type === type && record.key !== null) keys[record.partition]?.push(record.key);
  });
  return keys;
}

const statusSays = (words: string) =>
  eventuallyPasses(`status to say: ${words}`, async () => {
    expect((await expectOps(system.stack, ['status'], 3)).stdout).toContain(words);
  });

describe('more refused messages than a partition may set aside', () => {
  it('when a third of a large share is refused, then the partition halts until an operator lets it set them aside', async () => {
    await system.process('ranking').stop();
    await completeOrders(300);
    const keys = await keysByPartition('order-events', 'order-completed');
    const partition = keys.findIndex((of) => of.length > 40);
    const refused = (keys[partition] ?? []).slice(0, 60).filter((_, index) => index % 2 === 0);
    expect(refused.length).toBeGreaterThan(20);
    await failpoints.set(...refused.map((orderId) => `ranking ${orderId}`));
    await system.start('ranking');

    const place = `order-events/${partition}`;
    await statusSays(`has halted, ranking on ${place}: docs/runbooks/consumer-halted.md`);
    const audit = await expectOps(system.stack, ['audit', '--grace', '1'], 3);
    expect(audit.stdout).toMatch(/FAULT +9 +nothing-has-halted/);

    const setAside = ['dead-letters', 'set-aside', '--group', 'ranking', '--topic', 'order-events'];
    const withMost = (most: number) => [
      ...[...setAside, '--partition', String(partition)],
      ...['--most', String(most), '--reason', 'refused by a test'],
    ];
    const wish = withMost(refused.length);
    expect((await expectOps(system.stack, wish)).stdout).toContain(`halted: ${place}`);
    // Nothing was changed so far.
    await statusSays(`has halted, ranking on ${place}`);
    // A permit that is too small stays open, though not beside the next one, which ends all.
    await expectOps(system.stack, [...withMost(1), '--minutes', '600', '--execute', '--wait', '0'], 3);
    expect((await expectOps(system.stack, wish)).stdout).toContain('permits that are open: 1 (1 more messages');
    const done = await expectOps(system.stack, [...wish, '--execute', '--wait', '60']);
    expect(done.stdout).toContain(`${refused.length} messages were set aside`);
    const open = 'SELECT COUNT(*) AS n FROM shop_ranking.set_aside_permit WHERE expires_at > UTC_TIMESTAMP(3)';
    expect(await session.sql.query(open)).toEqual([{ n: 0 }]);
    // What came behind the refused messages is applied.
    await untilIdle(system);
    await expectCleanAudit(system);

    await failpoints.set();
    await expectOps(system.stack, ['dead-letters', 'redrive', '--group', 'ranking', '--execute']);
    await expectCleanAudit(system);
    const ranking = await eventually('the last status', () => expectOps(system.stack, ['status']));
    expect(ranking.stdout).toContain('dead letters: none');
  }, 180_000);
});

describe("a topic's compression changed by its operator", () => {
  it.each(['lz4', 'snappy', 'zstd'])(
    'when order-events and payment-events are switched to %s and back, then orders go on and doctor names it meanwhile',
    async (compression) => {
      await setCompression(compression);
      await completeOrders(20, 20);
      const doctor = await expectOps(system.stack, ['doctor'], 3);
      expect(doctor.stdout).toContain(`compression.type is ${compression}, not producer`);
      await setCompression('producer');
      await completeOrders(20, 20);
      await expectOps(system.stack, ['doctor']);
      await expectCleanAudit(system);
    },
  );
});

describe('a schema registry that was made anew with other ids', () => {
  it('when a few messages cannot be read since, then they are redriven once it is right, without a restart', async () => {
    await system.process('ranking').stop();
    await completeOrders(3, 3);
    registry.be('anew');
    await system.start('ranking');
    const redrive = ['dead-letters', 'redrive', '--group', 'ranking', '--execute'];
    // The product that was ordered is unread too.
    await statusSays('ranking has 4 dead letters');
    expect((await expectOps(system.stack, ['dead-letters', 'list'], 3)).stdout).toContain(
      'header ce_type says order-completed, but schema',
    );
    await expectOps(system.stack, redrive, 3);
    registry.be('right');
    await expectOps(system.stack, redrive);
    await expectOps(system.stack, ['dead-letters', 'list']);
    await expectCleanAudit(system);
  });

  it('when 40 orders cannot be read since, then none is dead-lettered, and all go on by themselves once it is right', async () => {
    await system.process('ranking').stop();
    await completeOrders(40);
    registry.be('anew');
    await system.start('ranking');
    await statusSays('has halted, ranking on order-events/');
    // The other services know the ids from before: orders go on. But they write ids that nobody could learn now.
    await completeOrders(10, 10);
    await statusSays(
      'writes order-created, order-completed with schema ids that the registry no longer knows: docs/runbooks/registry-rebuilt.md',
    );
    expect((await expectOps(system.stack, ['doctor'], 3)).stdout).toContain('has halted');
    await expectOps(system.stack, ['audit', '--grace', '1'], 3);
    // A product or two may be: so few unread messages of a type are rubbish.
    const sql = await connectRoot(system.stack);
    const letters = await sql.query(
      `SELECT id FROM shop_ranking.dead_letter WHERE status = 'DEAD' AND event_type = 'order-completed'`,
    );
    await sql.close();
    expect(letters).toEqual([]);

    registry.be('right');
    await expectOps(system.stack, ['dead-letters', 'redrive', '--group', 'ranking', '--execute']);
    await expectCleanAudit(system);
    await eventually('a good status', () => expectOps(system.stack, ['status']), { withinMs: 40_000 });
  }, 180_000);
});

/** Does what an operator of Kafka does. */
async function setCompression(value: string): Promise<void> {
  const brokers = (system.stack.env.KAFKA_BROKERS ?? '').split(',');
  const admin = await createKafkaAdmin({ brokers });
  try {
    for (const topic of ['order-events', 'payment-events']) await admin.configure(topic, { 'compression.type': value });
  } finally {
    await admin.close();
  }
}
