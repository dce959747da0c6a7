import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { openTcpGate } from '../../libs/chassis/test/tcp-gate.ts';
import type { SqlConnection } from '../../ops/src/sql.ts';
import { expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectStatus, type Problem, patiently } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually, LOOK_AT_LOCKS } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { readMetric } from '../support/metrics.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** A slow machine must not end orders by their deadline: what is tested is that they go on, not how soon. */
const DEADLINE_MS = 120_000;

let system: System;
let root: SqlConnection;
let users: number[];

beforeAll(async () => {
  system = await startSystem({
    instances: 1,
    knownInstances: 2,
    env: { ORDER_DEADLINE_MS: String(DEADLINE_MS) },
  });
  root = await connectRoot(system.stack);
  users = await many(5, () => system.api.newUser(1_000_000));
}, 120_000);

afterEach(() => root.execute('SET GLOBAL read_only = 0'));

afterAll(async () => {
  await root?.close();
  await system?.stop();
}, 60_000);

const user = (n = 0) => users[n] ?? 0;

/** One after the other, each asked for again while a busy machine refuses it. */
async function many<T extends object | number>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) made.push(await eventually('a user or a product to be made', make));
  return made;
}

const newProducts = (count: number, stock: number) => many(count, () => system.api.newProduct(10, stock));

/** Sessions of the service that wait for a row, by their id. */
async function waitingSessions(schema: string): Promise<number[]> {
  const rows = await root.query<{ id: number }>(
    `SELECT t.trx_mysql_thread_id AS id FROM information_schema.innodb_trx t
       JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
      WHERE t.trx_state = 'LOCK WAIT' AND p.db = ?`,
    [schema],
  );
  return rows.map((row) => row.id);
}

async function holdsTransaction(id: number): Promise<boolean> {
  const rows = await root.query('SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = ?', [id]);
  return rows.length > 0;
}

it('when a process freezes while it holds rows and the relay, then its successor goes on, and it does no harm when it wakes', async () => {
  const [low = 0, high = 0, third = 0] = (await newProducts(3, 100)).sort((a, b) => a - b);
  const frozen = system.process('catalog');
  // The catalog has joined its group once an order is through.
  expectStatus(await system.api.placeOrder(user(), [[third, 1]], { wait: 60 }), 201);
  const blocker = await connectRoot(system.stack);
  try {
    await blocker.execute('BEGIN');
    await blocker.query('SELECT product_id FROM shop_catalog.products WHERE product_id = ? FOR UPDATE', [high]);
    const held = expectStatus(
      await system.api.placeOrder(user(), [
        [low, 1],
        [high, 1],
      ]),
      202,
    ).body.orderId;
    const [session = 0] = await eventually(
      'the catalog to wait for the row',
      async () => {
        const waiting = await waitingSessions('shop_catalog');
        return waiting.length > 0 && waiting;
      },
      LOOK_AT_LOCKS,
    );
    process.kill(frozen.pid, 'SIGSTOP');
    // The server gives the row to the session of the frozen process, which now holds both, and its claims.
    await blocker.execute('COMMIT');
    expect(await holdsTransaction(session)).toBe(true);

    await system.start('catalog', 2);
    const later = await Promise.all(
      [low, high, third].map(async (productId, n) => {
        const placed = await system.api.placeOrder(user(n), [[productId, 1]]);
        return [expectStatus(placed, 202).body.orderId, user(n)] as const;
      }),
    );
    for (const [orderId, userId] of [[held, user()] as const, ...later]) {
      expect((await system.api.settled(orderId, userId, 60)).status).toBe('COMPLETED');
    }
    expect(await holdsTransaction(session)).toBe(false);
  } finally {
    process.kill(frozen.pid, 'SIGCONT');
    await blocker.close();
  }
  await frozen.ready();
  // It finds its lock gone, too.
  await eventually('one of the two to relay', async () => {
    const relaying = await Promise.all(
      [1, 2].map((n) => readMetric(system.process('catalog', n).url, 'outbox_relay_holder')),
    );
    return relaying.toSorted().join() === '0,1';
  });
  const placed = expectStatus(await system.api.placeOrder(user(), [[low, 1]], { wait: 30 }), 201);
  expect(placed.body.status).toBe('COMPLETED');
  await expectCleanAudit(system);
  await system.process('catalog', 2).stop();
  await system.start('catalog', 2);
}, 180_000);

it('when the database swallows packets, then all is refused, and the service is back soon after they flow again', async () => {
  const { hostname, port, ...rest } = destination(system.stack.env.ORDER_DATABASE_URL ?? '');
  const gate = await openTcpGate(hostname, Number(port));
  try {
    await system.process('order').stop();
    const order = await system.start('order', 1, { DATABASE_URL: rest.through(gate.port) });
    const [productId = 0] = await newProducts(1, 1_000);
    const list = () => system.api.request<Problem>('GET', '/orders', { query: { userId: user() } });
    const place = () => system.api.placeOrder(user(), [[productId, 1]], { once: true });
    await Promise.all(Array.from({ length: 12 }, list));
    gate.silence();
    // More lists than connections: each would hold one for as long as its answer does not come.
    const [refused, ready] = await Promise.all([
      Promise.all([...Array.from({ length: 24 }, list), place()]),
      eventually('the order service to say that it is not ready', async () => {
        const answer = await fetch(`${order.url}/health/ready`);
        return answer.status === 503 && (await answer.text());
      }),
    ]);
    expect(refused.map(({ status }) => status).filter((status) => status !== 503)).toEqual([]);
    expect(ready).toContain('database');
    await gate.open();
    await eventually('lists and orders to be answered again', async () => {
      const answers = await Promise.all([...Array.from({ length: 12 }, list), place()]);
      return answers.every(({ status }) => status < 300);
    });
    await order.ready();
    await expectCleanAudit(system);
  } finally {
    await system.process('order').stop();
    await gate.close();
    await system.start('order');
  }
}, 180_000);

it('when the database takes no writes, then orders are refused, reads go on, nothing is set aside, and it heals by itself', async () => {
  const products = await newProducts(2, 10_000);
  const load = startLoad(system.api, { perSecond: 40, users, products });
  try {
    await load.accepted(80);
    await root.execute('SET GLOBAL super_read_only = 1');
    await load.refused(20);
    const answer = await system.api.placeOrder<Problem>(user(), [[products[0] ?? 0, 1]], { once: true });
    expectStatus(answer, 503);
    expect(answer.body).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const path of ['/points', '/orders'])
      expectStatus(await patiently(() => system.api.request('GET', path, { query: { userId: user() } })), 200);
    for (const service of ['order', 'catalog', 'payment'] as const) {
      const ready = await fetch(`${system.process(service).url}/health/ready`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('the database is read-only')]);
    }
    const status = await expectOps(system.stack, ['status'], 3);
    expect(status.stdout).toContain('the database is read-only, nothing can be written');
    const doctor = await expectOps(system.stack, ['doctor'], 3);
    expect(doctor.stdout).toMatch(/WRONG +database writes/);
    await root.execute('SET GLOBAL read_only = 0');
    await load.accepted(80);
  } finally {
    await root.execute('SET GLOBAL read_only = 0');
    await load.stop();
  }
  await expectCleanAudit(system, { withinMs: 60_000 });
  const { ends } = await expectAcceptedOrdersEnded(system, load.answers);
  expect(Object.keys(ends)).toEqual(['COMPLETED']);
  const [letters] = await root.query<{ n: number }>(
    'SELECT (SELECT COUNT(*) FROM shop_order.dead_letter) + (SELECT COUNT(*) FROM shop_catalog.dead_letter) + (SELECT COUNT(*) FROM shop_payment.dead_letter) AS n',
  );
  expect(letters?.n).toBe(0);
  expect((await expectOps(system.stack, ['doctor'])).stdout).toMatch(/ok +database writes/);
}, 180_000);

function destination(address: string) {
  const url = new URL(address);
  return {
    hostname: url.hostname,
    port: url.port,
    through(port: number): string {
      const other = new URL(url);
      other.port = String(port);
      return other.href;
    },
  };
}
