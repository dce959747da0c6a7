import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaBroker, silentLogger } from '@shop/events';
import { PUBLISHERS, SERVICE_NAMES } from '../../services/services.ts';
import { type Ends, expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectStatus, patiently } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { deadLettersOf, untilDeadLetters } from '../support/dead-letters.ts';
import { isDrill } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { type GivenCoupon, type Load, startLoad, summarize } from '../support/load.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Orders a second. */
const PER_SECOND = 120;
const SERVICES = PUBLISHERS;
/** Each user gets one coupon of each policy. Few enough that orders also name used coupons. */
const POLICIES = 2;
/** Schemas of the groups that read order-events; each group sets an unreadable record there aside. */
const READERS = SERVICE_NAMES;
/** Half a second apart: a minute and more. */
const PATIENT_TRIES = 150;
/** Which instances of each service a deployment restarts in turn. */
const RESTARTED = isDrill ? [1, 2] : [1];

let system: System;
let users: number[];
let products: number[];

beforeAll(async () => {
  // The gateway also knows second instances, which a test starts later.
  system = await startSystem({ instances: 1, knownInstances: 2 });
  users = await Promise.all(Array.from({ length: 40 }, () => system.api.newUser(10_000_000)));
  // Users who soon cannot pay: their orders are cancelled after the coupon was redeemed.
  users.push(...(await Promise.all([500, 20, 20, 20, 20].map((points) => system.api.newUser(points)))));
  products = await Promise.all([50_000, 50_000, 50_000, 50_000, 300].map((stock) => system.api.newProduct(10, stock)));
}, 120_000);

afterAll(() => system?.stop(), 60_000);

/**
 * Runs a fault under load, then checks the shop's promises.
 * @param tries how often a client asks; the load's default when left out
 */
async function underLoad(fault: (load: Load) => Promise<void>, tries?: number): Promise<Ends> {
  const coupons = await giveCoupons();
  const load = startLoad(system.api, { perSecond: PER_SECOND, users, products, coupons, ...(tries ? { tries } : {}) });
  try {
    await load.accepted(100);
    await fault(load);
    // The load must flow again.
    await load.accepted(150);
  } finally {
    await load.stop();
  }
  await expectCleanAudit(system, { withinMs: 90_000 });
  const ends = await expectAcceptedOrdersEnded(system, load.answers);
  console.info(`answers ${JSON.stringify(summarize(load.answers))}; ends ${JSON.stringify(ends.ends)}`);
  expect(ends.ends.COMPLETED).toBeGreaterThan(100);
  await expectCouponsUsedOrBack(coupons);
  return ends;
}

/** Asks for coupons as users do. */
async function giveCoupons(): Promise<GivenCoupon[]> {
  const given: GivenCoupon[] = [];
  for (let n = 0; n < POLICIES; n++) {
    const wish = { name: 'Faults', discountAmount: 5, totalQuantity: users.length };
    const couponPolicyId = await system.api.newPolicy(wish);
    const answers = await Promise.all(
      users.map(async (userId) => {
        const options = { body: { userId, couponPolicyId } };
        const answer = await patiently(() =>
          system.api.request<{ couponId: string }>('POST', '/coupons/issue', options),
        );
        return { userId, couponId: expectStatus(answer, 200).body.couponId };
      }),
    );
    given.push(...answers);
  }
  return given;
}

/**
 * Every coupon is used by a completed order that names it, or is usable again. Some are used, and some were returned.
 */
async function expectCouponsUsedOrBack(coupons: readonly GivenCoupon[]): Promise<void> {
  const sql = await connectRoot(system.stack);
  try {
    const rows = await sql.query<{ state: string }>(
      `SELECT CONCAT_WS(' ', c.status, o.status) AS state
         FROM shop_coupon.coupons c
         LEFT JOIN shop_order.orders o ON o.order_id = c.order_id AND o.coupon_id = c.coupon_id AND o.user_id = c.user_id
        WHERE c.coupon_id IN (?)`,
      [coupons.map((it) => it.couponId)],
    );
    expect(rows).toHaveLength(coupons.length);
    const states = new Map<string, number>();
    for (const { state } of rows) states.set(state, (states.get(state) ?? 0) + 1);
    expect([...states.keys()].filter((state) => !['USED COMPLETED', 'ISSUED'].includes(state))).toEqual([]);
    expect(states.get('USED COMPLETED') ?? 0).toBeGreaterThan(30);
    const [returned] = await sql.query<{ n: number }>(
      `SELECT COUNT(*) AS n FROM shop_coupon.redemptions WHERE status = 'RETURNED' AND coupon_id IN (?)`,
      [coupons.map((it) => it.couponId)],
    );
    expect(returned?.n).toBeGreaterThan(0);
  } finally {
    await sql.close();
  }
}

describe('one instance of each service', () => {
  it.each([...SERVICES, 'gateway'] as const)(
    'when %s is killed under load and started again, then every accepted order ends and the audit is clean',
    async (service) => {
      await underLoad(async (load) => {
        await system.process(service).kill9();
        // Placing orders does not need the other services.
        if (service === 'order' || service === 'gateway') await load.refused(20);
        else await load.accepted(100);
        await system.start(service);
      });
    },
  );

  it('when Kafka is stopped under load and started again, then every accepted order ends and the audit is clean', async () => {
    const kafka = system.stack.part('kafka');
    await underLoad(async (load) => {
      await kafka.stop();
      try {
        // Fewer than come in the seconds until a saga that stands still is noticed, on a slow machine too.
        await load.accepted(100);
      } finally {
        await kafka.start();
      }
    });
  });

  it('when MySQL is stopped under load and started again, then every accepted order ends and the audit is clean', async () => {
    const mysql = system.stack.part('mysql');
    await underLoad(async (load) => {
      await mysql.stop();
      try {
        await load.refused(100);
      } finally {
        await mysql.start();
      }
    });
  });

  it('when unreadable messages come under load, then only these are set aside', async () => {
    const key = randomUUID();
    await underLoad(async (load) => {
      await publishRubbish(key);
      for (const service of READERS) await untilDeadLetters(system, service, key, RUBBISH_LETTERS);
      await load.accepted(100);
      await Promise.all(READERS.map((service) => discardAll(service, key)));
    });
  });
});

describe('two instances of each service', () => {
  it('when second instances join under load, then the partitions move and nothing is lost', async () => {
    await underLoad(async (load) => {
      for (const service of SERVICES) {
        await system.start(service, 2);
        await load.accepted(50);
      }
    });
  });

  it('when one instance of each is killed under load, then the other instance continues alone', async () => {
    await underLoad(async (load) => {
      for (const service of SERVICES) {
        await system.process(service, 1).kill9();
        await load.accepted(50);
      }
    });
    await Promise.all(SERVICES.map((service) => system.start(service, 1)));
  });

  it('when instances are restarted in turn, as in a deployment, then every client gets its order', async () => {
    let load: Load | undefined;
    await underLoad(async (current) => {
      load = current;
      for (const service of SERVICES) {
        for (const instance of RESTARTED) {
          await system.process(service, instance).stop();
          await system.start(service, instance);
          await current.accepted(30);
        }
      }
      // A slow machine is told "too much" for some seconds after each restart: these clients stay as long as it takes.
    }, PATIENT_TRIES);
    const byKey = Map.groupBy(load?.answers ?? [], (answer) => answer.key);
    const without = [...byKey.values()].filter((answers) => !answers.some((answer) => answer.status === 202));
    expect(without).toEqual([]);
  });
});

const RUBBISH_LETTERS = ['null DEAD', 'null PARKED'];

async function publishRubbish(key: string): Promise<void> {
  const brokers = (system.stack.env.KAFKA_BROKERS ?? '').split(',');
  const broker = createKafkaBroker({ brokers, clientId: 'faults', logger: silentLogger });
  const rubbish = [randomBytes(500), Buffer.from('{"orderId":"1"}')];
  try {
    await broker.send(rubbish.map((value) => ({ topic: 'order-events', key, value, headers: {} })));
  } finally {
    await broker.close();
  }
}

async function discardAll(service: string, key: string): Promise<void> {
  await eventually(
    `the dead letters of ${key} in ${service} to be discarded`,
    async () => {
      const letters = await deadLettersOf(system, service, key);
      const open = letters.filter((letter) => ['DEAD', 'PARKED', 'REDRIVE'].includes(letter.status));
      for (const letter of open.filter((it) => it.status === 'DEAD')) {
        const discard = ['dead-letters', 'discard', `${service}/${letter.id}`, '--reason', 'rubbish', '--execute'];
        await expectOps(system.stack, discard);
      }
      return open.length === 0;
    },
    { withinMs: 60_000 },
  );
}
