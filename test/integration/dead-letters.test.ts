import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaBroker, deriveEventId, silentLogger } from '@shop/events';
import { readAddresses } from '../../ops/src/addresses.ts';
import { openAudit } from '../../ops/src/audit/index.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type DeadLetterRow, deadLettersOf, untilDeadLetters } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { createFailpoints, type Failpoints } from '../support/failpoints.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot, testStack } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const DEADLINE_MS = 6_000;

let system: System;
let api: System['api'];
let failpoints: Failpoints;

beforeAll(async () => {
  failpoints = createFailpoints(testStack());
  system = await startSystem({ env: { ...failpoints.env, ORDER_DEADLINE_MS: String(DEADLINE_MS) } });
  api = system.api;
}, 120_000);

afterAll(() => system?.stop(), 30_000);

describe.each([
  { service: 'catalog', dead: 'order-created', ends: { reservation: 'RELEASED', payment: 'VOID' } },
  { service: 'payment', dead: 'stock-reserved', ends: { reservation: 'RELEASED', payment: 'REFUNDED' } },
])('a handler of $service that throws for one order', ({ service, dead, ends }) => {
  it('when a handler throws, then only that order waits, with its cancellation, until both are redriven in order', async () => {
    const productId = await api.newProduct(100, 1_000);
    const userId = await api.newUser(100_000);
    // The order's id is known only once it is placed, so until then every event fails.
    await failpoints.set(`${service} *`);
    const { orderId } = expectStatus(await api.placeOrder(userId, [[productId, 3]]), 202).body;
    await untilDeadLetters(system, service, orderId, [`${dead} DEAD`]);
    await failpoints.set(`${service} ${orderId}`);

    let others = 0;
    while ((await api.order(orderId, userId)).body.status === 'PENDING') {
      expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
      others++;
    }
    expect(others).toBeGreaterThan(5);
    expect((await api.settled(orderId, userId)).reason).toBe('ORDER_DEADLINE_EXCEEDED');
    await untilDeadLetters(system, service, orderId, [`${dead} DEAD`, 'order-cancelled PARKED']);
    expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
    others++;

    // Redriving changes nothing as long as the handler fails.
    expect((await expectOps(system.stack, ['dead-letters', 'list'], 3)).stdout).toContain(dead);
    const redrive = ['dead-letters', 'redrive', '--group', service, '--execute'];
    await expectOps(system.stack, redrive, 3);
    await untilDeadLetters(system, service, orderId, [`${dead} DEAD`, 'order-cancelled PARKED']);

    await failpoints.set();
    await expectOps(system.stack, redrive);
    await untilDeadLetters(system, service, orderId, [`${dead} REDRIVEN`, 'order-cancelled REDRIVEN']);
    await expectCleanAudit(system);
    expect(await rowsOf(orderId)).toEqual(ends);
    const balance = 100_000 - others * 100;
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([1_000 - others, balance]);
    await expectOps(system.stack, ['dead-letters', 'list']);
  });
});

describe('unreadable records on a topic', () => {
  it('when an unreadable record comes, then all readers dead-letter it with its reason, and later orders go through', async () => {
    const productId = await api.newProduct(100, 10);
    const userId = await api.newUser(1_000);
    const key = randomUUID();
    await publish([
      { topic: 'order-events', key, value: randomBytes(200), headers: {} },
      { topic: 'order-events', key: null, value: null, headers: cloudEvent('order-created') },
    ]);
    for (const service of ['catalog', 'coupon', 'payment', 'ranking', 'order']) {
      const [keyed] = await untilDeadLetters(system, service, key, ['null DEAD']);
      expect(keyed).toMatchObject({ reason: 'UNDECODABLE', error: expect.stringContaining('ce_type') });
    }
    const [keyless] = await untilDeadLetters(system, 'catalog', null, ['order-created DEAD']);
    expect(keyless).toMatchObject({ reason: 'UNDECODABLE', error: expect.stringContaining('key') });
    await mirroredTo('order-events.dlq', 5);

    for (let i = 0; i < 10; i++) {
      expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
    }
    for (const service of ['catalog', 'coupon', 'payment', 'ranking', 'order']) {
      for (const letter of [
        ...(await deadLettersOf(system, service, key)),
        ...(await deadLettersOf(system, service, null)),
      ]) {
        const discard = ['dead-letters', 'discard', `${service}/${letter.id}`, '--reason', 'rubbish', '--execute'];
        await expectOps(system.stack, discard);
      }
    }
    await expectCleanAudit(system);
    await expectOps(system.stack, ['dead-letters', 'list']);
  });

  it('when a value contradicts its header, then it is dead-lettered, and its key continues once it is discarded', async () => {
    const productId = await api.newProduct(100, 10);
    const userId = await api.newUser(1_000);
    const { orderId } = expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201).body;
    const headers = cloudEvent('order-completed');
    await publish([{ topic: 'order-events', key: orderId, value: Buffer.from([0, 0, 0, 0, 1, 7]), headers }]);
    // The group `data-platform` of the order service reads the topic too.
    const readers = ['catalog', 'order'];
    for (const service of readers) await untilDeadLetters(system, service, orderId, ['order-completed DEAD']);
    expectStatus(await api.cancel(orderId, userId), 202);
    for (const service of readers) {
      const [letter] = await untilDeadLetters(system, service, orderId, [
        'order-completed DEAD',
        'order-cancelled PARKED',
      ]);
      const discard = ['dead-letters', 'discard', `${service}/${letter?.id}`, '--reason', 'rubbish', '--execute'];
      await expectOps(system.stack, discard);
      await untilDeadLetters(system, service, orderId, ['order-completed DISCARDED', 'order-cancelled REDRIVEN']);
    }
    await expectCleanAudit(system);
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([10, 1_000]);
  });
});

it('when corrupt copies of an event stand before the event and are discarded, then the event is applied', async () => {
  const productId = await api.newProduct(100, 10);
  const userId = await api.newUser(1_000);
  const { pid } = system.process('payment');
  process.kill(pid, 'SIGSTOP');
  let orderId: string;
  try {
    orderId = expectStatus(await api.placeOrder(userId, [[productId, 1]]), 202).body.orderId;
    const headers = { ...cloudEvent('order-completed'), ce_id: deriveEventId(orderId, 'order-completed') };
    const corrupt = { topic: 'order-events', key: orderId, value: Buffer.from('corrupt'), headers };
    await publish([corrupt, corrupt]);
    for (const service of ['catalog', 'ranking', 'order']) await untilLetters(service, orderId, 'DEAD', 'PARKED');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
  for (const service of ['catalog', 'ranking', 'order']) {
    const discard = async (id: number | undefined, exitCode: number) => {
      const args = ['dead-letters', 'discard', `${service}/${id}`, '--reason', 'corrupt', '--execute'];
      await expectOps(system.stack, args, exitCode);
    };
    const [first, second] = await untilLetters(service, orderId, 'DEAD', 'PARKED', 'PARKED');
    // 3: letters are left behind it.
    await discard(first?.id, 3);
    // Parked unread, it turns out to be unreadable too: the id of the event is not marked as applied for it either.
    const [, now] = await untilLetters(service, orderId, 'DISCARDED', 'DEAD', 'PARKED');
    expect(now).toMatchObject({ id: second?.id, reason: 'UNDECODABLE' });
    await discard(second?.id, 0);
    await untilLetters(service, orderId, 'DISCARDED', 'DISCARDED', 'REDRIVEN');
  }
  expect(await rowsOf(orderId)).toEqual({ reservation: 'SOLD', payment: 'COMPLETED' });
  await expectCleanAudit(system);
});

/** Waits until the order-completed letters of an order have these statuses. */
function untilLetters(service: string, orderId: string, ...statuses: string[]): Promise<DeadLetterRow[]> {
  const expected = statuses.map((status) => `order-completed ${status}`);
  return untilDeadLetters(system, service, orderId, expected);
}

const cloudEvent = (type: string) => ({ ce_id: randomUUID(), ce_type: type, ce_time: new Date().toISOString() });

async function publish(records: readonly Parameters<ReturnType<typeof createKafkaBroker>['send']>[0][number][]) {
  const brokers = (system.stack.env.KAFKA_BROKERS ?? '').split(',');
  const broker = createKafkaBroker({ brokers, clientId: 'test', logger: silentLogger });
  try {
    await broker.send(records);
  } finally {
    await broker.close();
  }
}

/** Waits until a dead-letter topic holds at least this many records. */
async function mirroredTo(topic: string, records: number): Promise<void> {
  const session = await openAudit(readAddresses(system.stack.env));
  try {
    await eventually(`${records} records on ${topic}`, async () => {
      const held = (await session.log.held([topic])).reduce((sum, range) => sum + range.to - range.from, 0);
      return held >= records;
    });
  } finally {
    await session.close();
  }
}

async function rowsOf(orderId: string): Promise<{ reservation: string | undefined; payment: string | undefined }> {
  const sql = await connectRoot(system.stack);
  try {
    const status = async (table: string) => {
      const rows = await sql.query<{ status: string }>(`SELECT status FROM ${table} WHERE order_id = ?`, [orderId]);
      return rows[0]?.status;
    };
    return { reservation: await status('shop_catalog.reservations'), payment: await status('shop_payment.payments') };
  } finally {
    await sql.close();
  }
}
