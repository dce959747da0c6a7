import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type Coupons, createCoupons } from '../support/coupons.ts';
import { startLoad } from '../support/load.ts';
import { readMetric } from '../support/metrics.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { type System, startSystem } from '../support/system.ts';
import { wrongClock } from '../support/wrong-clock.ts';

const PER_SECOND = 40;
/** Longer than an order's deadline of 30 s. */
const SKEW_MS = 40_000;
const COUPONS = 12;

let system: System;
let api: System['api'];
let coupons: Coupons;
/** Services whose second instance runs. */
let running: typeof wrong | [] = [];
const wrong = ['order', 'payment', 'coupon'] as const;

beforeAll(async () => {
  system = await startSystem({ instances: 1, knownInstances: 2, env: PATIENT });
  api = system.api;
  coupons = createCoupons(system);
}, 120_000);

afterAll(async () => {
  await coupons?.close();
  await system?.stop();
}, 60_000);

it.each([
  ['slow', -SKEW_MS],
  ['fast', SKEW_MS],
])(
  'when the clocks of an instance of order, payment and coupon are 40 s %s, then no order is cancelled or refused for it',
  async (how, shiftMs) => {
    await Promise.all(running.map((service) => system.process(service, 2).stop()));
    running = wrong;
    await Promise.all(wrong.map((service) => system.start(service, 2, wrongClock(shiftMs))));
    const users = await Promise.all(Array.from({ length: 20 }, () => api.newUser(1_000_000)));
    const products = await Promise.all([api.newProduct(100, 50_000), api.newProduct(100, 50_000)]);

    // Half of these coupons are judged by the instance with the wrong clock. They are good for less than it is off.
    for (const userId of users.slice(0, COUPONS)) {
      const couponId = await coupons.give(userId, 10);
      await coupons.expire(couponId, SKEW_MS / 2);
      const order = await api.placeOrder(userId, [[products[0] ?? 0, 1]], { couponId, wait: 15 });
      expectStatus(order, 201);
    }
    const load = startLoad(api, { perSecond: PER_SECOND, users, products });
    await load.accepted(10 * PER_SECOND);
    await load.stop();

    await expectCleanAudit(system);
    const { ends } = await expectAcceptedOrdersEnded(system, load.answers);
    expect(Object.keys(ends)).toEqual(['COMPLETED']);
    for (const instance of [1, 2]) {
      const { url } = system.process('order', instance);
      expect(await readMetric(url, 'order_admission_refused_total', { reason: 'oldest' })).toBe(0);
    }
    const urls = Object.fromEntries(
      wrong.map((service) => [`${service.toUpperCase()}_URLS`, system.process(service, 2).url]),
    );
    const { stdout } = await expectOps(
      { ...system.stack, env: { ...system.stack.env, ...urls } },
      ['doctor', '--json'],
      3,
    );
    const doctor = JSON.parse(stdout) as { what: string; wrong?: string }[];
    const named = doctor.filter(({ what, wrong }) => what.startsWith('clock of ') && wrong?.includes(`40.0 s ${how}`));
    expect(named).toHaveLength(wrong.length);
    for (const service of wrong) {
      expect(await readMetric(system.process(service, 2).url, 'clock_skew_seconds')).toBeCloseTo(shiftMs / 1_000, 0);
    }
  },
  120_000,
);

it("when the gateway's clock is off by more than a signature is good for, then its requests are answered all the same", async () => {
  const [userId, productId] = await Promise.all([api.newUser(10_000), api.newProduct(100, 10)]);
  for (const shiftMs of [-120_000, 120_000]) {
    await system.process('gateway').stop();
    await system.start('gateway', 1, wrongClock(shiftMs));
    expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 15 }), 201);
    expect(await readMetric(system.process('gateway').url, 'clock_skew_seconds')).toBeCloseTo(shiftMs / 1_000, 0);
  }
}, 60_000);
