import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@shop/events';
import { createClient } from '../../libs/events/src/kafka/index.ts';
import { RUNNING_TOPICS } from '../../ops/src/running-events.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { expectOps } from '../support/ops.ts';
import { type System, startSystem } from '../support/system.ts';

const PARTITIONS = 6;

let system: System;
let kafka: ReturnType<typeof createClient>;
let productId: number;
let userId: number;

beforeAll(async () => {
  system = await startSystem();
  const brokers = (system.stack.env.KAFKA_BROKERS ?? '').split(',');
  kafka = createClient({ brokers, clientId: 'test', logger: silentLogger });
  productId = await system.api.newProduct(10, 10_000);
  userId = await system.api.newUser(1_000_000);
}, 120_000);

afterAll(() => system?.stop(), 60_000);

async function order(count: number): Promise<void> {
  const answers = Array.from({ length: count }, () => system.api.placeOrder(userId, [[productId, 1]], { wait: 20 }));
  for (const answer of await Promise.all(answers)) expectStatus(answer, 201);
}

describe('a tool that writes with transactions', () => {
  it('when every partition ends with markers, and some hold nothing else, then no group looks behind, and audit and plans end', async () => {
    await order(10);
    const producer = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    // A type that no group knows is skipped.
    const headers = { ce_type: 'written-by-a-tool', ce_id: randomUUID() };
    const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({
      key: 'k',
      value: 'v',
      headers,
      partition,
    }));
    for (const end of ['commit', 'abort'] as const) {
      const transaction = await producer.transaction();
      for (const topic of RUNNING_TOPICS) {
        // One topic has partitions with nothing but an aborted transaction.
        if (end === 'abort' || topic !== 'coupon-issue-requests') await transaction.send({ topic, messages });
      }
      await transaction[end]();
    }
    await producer.disconnect();

    await expectCleanAudit(system);
    await eventually('no group to look behind', async () => {
      const { stdout } = await expectOps(system.stack, ['status', '--json']);
      const { groups } = JSON.parse(stdout) as { groups: { group: string; lag: number }[] };
      return groups.every(({ lag }) => lag === 0);
    });
    for (const args of [
      ['--group', 'payment', '--from', '1h'],
      ['--group', 'ranking', '--rebuild'],
    ])
      await expectOps(system.stack, ['replay', ...args]);
    await expectOps(system.stack, ['replay', '--recover', 'payment', '--from', '1h']);
    await expectOps(system.stack, ['replay', '--group', 'ranking', '--rebuild', '--execute', '--reason', 'markers']);
    await order(5);
    await expectCleanAudit(system);
  }, 180_000);
});

describe('partitions that were added to running services', () => {
  it('when services are started after it, then they warn and go on, every order ends, and doctor has the advice', async () => {
    const admin = kafka.admin();
    await admin.connect();
    const topicPartitions = ['order-events', 'catalog-events'].map((topic) => ({ topic, count: PARTITIONS + 2 }));
    await admin.createPartitions({ topicPartitions }).finally(() => admin.disconnect());
    await order(5);
    // Only the publishers are started anew: they write to the new partitions, which the others have to notice.
    for (const service of ['order', 'catalog'] as const) {
      expect(await system.process(service).stop()).toBe(true);
      await system.start(service);
      expect(system.process(service).output(300)).toContain('more partitions than KAFKA_PARTITIONS says');
    }
    await eventually(
      'orders to be accepted again',
      async () => {
        const { status } = await system.api.placeOrder(userId, [[productId, 1]], { wait: 20 });
        return status === 201;
      },
      { withinMs: 60_000 },
    );
    await order(30);
    const { stdout } = await expectOps(system.stack, ['doctor'], 3);
    expect(stdout).toMatch(/WRONG +topic order-events +it has 8 partitions, .* services warn and go on/);
    expect(stdout).toContain('set KAFKA_PARTITIONS to 8: docs/guides/change-partitions.md, step 4');
    await expectCleanAudit(system);
  }, 180_000);
});
