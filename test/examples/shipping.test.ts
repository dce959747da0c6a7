import '../support/with-examples.ts';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// The shop with the example service of examples/shipping, as `npm start -- --with shipping` runs it.

let system: System;

beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(() => system?.stop(), 60_000);

interface Shipment {
  readonly orderId: string;
  readonly status: string;
  readonly pieces: number;
}

async function shipmentOf(orderId: string, userId: number, status: string): Promise<Shipment> {
  return await eventually(`the shipment to be ${status}`, async () => {
    const answer = await system.api.request<Shipment>('GET', `/shipments/${orderId}`, { query: { userId } });
    return answer.body.status === status && answer.body;
  });
}

async function newOrder(userId: number, pieces: number): Promise<string> {
  const productId = await system.api.newProduct(100, 10);
  const answer = await system.api.placeOrder(userId, [[productId, pieces]], { wait: 10 });
  return expectStatus(answer, 201).body.orderId;
}

it('when an order completes, then its parcel is requested; when it is cancelled, then the parcel is too', async () => {
  const userId = await system.api.newUser(10_000);
  const [kept, takenBack] = [await newOrder(userId, 3), await newOrder(userId, 1)];
  expect(await shipmentOf(kept, userId, 'REQUESTED')).toMatchObject({ orderId: kept, pieces: 3 });
  await shipmentOf(takenBack, userId, 'REQUESTED');
  expectStatus(await system.api.cancel(takenBack, userId), 202);
  await shipmentOf(takenBack, userId, 'CANCELLED');
});

it('when shipping is away, then orders complete all the same, and it makes up for them when it is back', async () => {
  await system.process('shipping').kill9();
  const userId = await system.api.newUser(10_000);
  const orderId = await newOrder(userId, 2);
  await system.start('shipping');
  await shipmentOf(orderId, userId, 'REQUESTED');
});

it('when the audit runs, then it looks at the shipments, and finds one that is wrong', async () => {
  const report = await expectCleanAudit(system);
  expect(report.findings.find(({ name }) => name === 'shipment-is-of-its-order')?.checked).toBe(3);

  const sql = await connectRoot(system.stack);
  try {
    await sql.execute(`UPDATE shop_shipping.shipments SET pieces = pieces + 1 WHERE status = 'REQUESTED' LIMIT 1`);
    await sql.execute(`DELETE FROM shop_shipping.shipments WHERE status = 'CANCELLED'`);
    const { stdout } = await expectOps(system.stack, ['audit', '--grace', '0'], 3);
    expect(stdout).toMatch(/FAULT +4 +shipment-is-of-its-order/);
    expect(stdout).toMatch(/FAULT +4 +completed-is-shipped/);
    expect(stdout).toMatch(/shipment-requested, shipment-cancelled on the topic, but .*its shipment none/);
  } finally {
    await sql.close();
  }
});

it('when an order is asked for by the command line, then it shows what shipping and ranking have of it', async () => {
  const userId = await system.api.newUser(10_000);
  const orderId = await newOrder(userId, 2);
  await shipmentOf(orderId, userId, 'REQUESTED');
  const shown = await eventually('ranking to have applied it', async () => {
    const { stdout } = await expectOps(system.stack, ['order', orderId.toUpperCase()]);
    return stdout.includes('ranking inbox') && stdout;
  });
  expect(shown).toMatch(/shipping +first heard of it; parcel of 2 pieces/);
  expect(shown).toMatch(/shipping +shipment REQUESTED/);
  expect(shown).toMatch(/shipping inbox +applied order-completed/);
  expect(shown).toMatch(/ranking inbox +applied order-completed/);
  expect(shown).toMatch(/payment inbox +applied stock-reserved/);
});

it('when the status is asked for, then it shows the service, its group and its topic', async () => {
  const { stdout } = await expectOps(system.stack, ['status']);
  expect(stdout).toMatch(/shipping-1|shipping/);
  expect(stdout).toMatch(/shipping-events/);
});
