import { type Codec, createCodecOn, isEventType } from '@shop/events';
import type { Failpoint } from '../../libs/events/src/consumer/apply.ts';
import { createMemoryRegistry } from '../../libs/events/src/testing/memory-registry.ts';
import type { ProductChanges } from '../../services/catalog/src/usecases/change-products.ts';
import { Clients } from './clients.ts';
import { Instance, type Parts, RelayLocks } from './instance.ts';
import { findViolations } from './invariants.ts';
import { type DatabaseFaults, MemoryDatabase, type MemoryTransaction } from './memory-database.ts';
import { IdempotencyTable, idempotencySql } from './memory-idempotency.ts';
import { MessagingTables, positionOf } from './memory-messaging-store.ts';
import { redriveSql } from './memory-redrive.ts';
import { createRandom, type Random } from './random.ts';
import { type Actor, Scheduler } from './scheduler.ts';
import {
  CatalogTables,
  type ChargeUseCase,
  CouponTables,
  OrderTables,
  type OrderUseCases,
  PaymentTables,
  wireCatalog,
  wireOrder,
  wirePayment,
} from './services.ts';
import type { LoggedEvent, ShopAtRest } from './shop-at-rest.ts';
import { SimulatedLog } from './simulated-log.ts';
import { SimulatedRedis } from './simulated-redis.ts';
import { type CouponUseCases, wireCoupon } from './wire-coupon.ts';
import { createWorld, SERVICES, type Service, START, type World } from './world.ts';
import { ISSUED_WORTH } from './worth.ts';

/** The result of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  /** A sentence for each violation; empty is good. */
  readonly violations: readonly string[];
}

/** Without these a participant does not undo its part, or an order never knows its refund. */
const INDISPENSABLE: ReadonlySet<string> = new Set(['order-cancelled', 'order-completed', 'payment-refunded']);
const MAX_STEPS = 60_000;
const PARTITIONS = 2;
const CHAOS: Actor = { name: 'chaos', alive: true };
const OPERATOR: Actor = { name: 'operator', alive: true };

/** Runs one seed to its end. The same seed and code take the same steps. */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<Outcome> {
  const random = createRandom(seed);
  const simulation = new Simulation(createWorld(seed, random), random, await sharedCodec(), trace);
  const violations = await simulation.run();
  return { seed, steps: simulation.steps, violations };
}

class Simulation {
  readonly #world: World;
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #log: SimulatedLog;
  readonly #order = new OrderTables();
  readonly #catalog = new CatalogTables();
  readonly #coupon = new CouponTables();
  readonly #payment = new PaymentTables();
  readonly #redis: SimulatedRedis;
  readonly #messaging = {
    order: new MessagingTables(),
    catalog: new MessagingTables(),
    coupon: new MessagingTables(),
    payment: new MessagingTables(),
  };
  readonly #instances: readonly Instance<unknown>[];
  readonly #clients: Clients;
  readonly #databases: Readonly<Record<Service, MemoryDatabase>>;
  /** Groups with a failpoint. */
  readonly #failing: ReadonlySet<string>;
  #mended = false;

  constructor(world: World, random: Random, codec: Codec, trace: ((line: string) => void) | undefined) {
    const { weather, instances } = world;
    this.#world = world;
    this.#failing = new Set(weather.failpoints.map((failpoint) => failpoint.group));
    this.#random = random;
    this.#scheduler = new Scheduler(random, START, trace);
    this.#log = new SimulatedLog(this.#scheduler, random, weather, PARTITIONS);
    this.#redis = new SimulatedRedis(this.#scheduler, random, weather.redisFailures);
    for (const { productId, name, price, stock } of world.products) {
      const counts = {
        available: stock,
        reserved: 0,
        sold: 0,
        waiting: 0,
        onSale: true,
        initialStock: stock,
        restocked: 0,
        takenBack: 0,
        version: 1,
      };
      this.#catalog.products.committed.set(String(productId), { productId, name, price, ...counts });
    }
    for (const { userId, balance } of world.accounts) {
      this.#payment.accounts.committed.set(String(userId), { userId, balance });
    }

    for (const { expiresAt, ...coupon } of world.coupons) {
      const times = { issuedAt: new Date(START), expiresAt: new Date(START + expiresAt) };
      const row = { ...coupon, ...times, revokedAt: null, status: 'ISSUED' } as const;
      this.#coupon.coupons.committed.set(coupon.couponId, row);
      const { couponPolicyId, discount } = coupon;
      const counts = { totalQuantity: 1, issuedCount: 1, validDays: 1 };
      const policy = { couponPolicyId, discount, ...counts, startsAt: null, endsAt: null, endedAt: null };
      this.#coupon.policies.committed.set(String(couponPolicyId), policy);
    }

    for (const policy of world.policies) {
      const times = { startsAt: null, endsAt: null, endedAt: null };
      const terms = { issuedCount: 0, discount: ISSUED_WORTH, validDays: 3_650, ...times };
      this.#coupon.policies.committed.set(String(policy.couponPolicyId), { ...policy, ...terms });
    }

    const surroundings = { scheduler: this.#scheduler, random, log: this.#log, codec, failpoint: this.#failpoint };
    const skews = [...world.skews];
    const start = <UseCases>(count: number, parts: Parts<UseCases>) =>
      Array.from({ length: count }, (_, index) => {
        const machine = { ...surroundings, skewMs: skews.shift() ?? 0 };
        return new Instance(`${parts.service}-${index + 1}`, parts, machine);
      });
    const parts = {
      order: this.#parts('order', wireOrder(this.#order)),
      catalog: this.#parts('catalog', wireCatalog(this.#catalog)),
      coupon: this.#parts('coupon', wireCoupon(this.#coupon, this.#redis)),
      payment: this.#parts('payment', wirePayment(this.#payment)),
    };
    this.#databases = {
      order: parts.order.database,
      catalog: parts.catalog.database,
      coupon: parts.coupon.database,
      payment: parts.payment.database,
    };
    const order = start<OrderUseCases>(instances.order, parts.order);
    const catalog = start<ProductChanges>(instances.catalog, parts.catalog);
    const coupon = start<CouponUseCases>(instances.coupon, parts.coupon);
    const payment = start<ChargeUseCase>(instances.payment, parts.payment);
    this.#instances = [...order, ...catalog, ...coupon, ...payment];
    for (const instance of this.#instances) instance.start();
    this.#clients = new Clients(world, this.#scheduler, random, { order, catalog, coupon, payment });
    if (weather.failpoints.length > 0) void this.#operate(weather.mendAt);
    for (const refusal of weather.refusals) void this.#refuse(refusal);
  }

  get steps(): number {
    return this.#scheduler.stepsTaken;
  }

  async run(): Promise<string[]> {
    try {
      await this.#scheduler.run(() => {
        this.#misfortunes();
        return this.#isAtRest();
      }, MAX_STEPS);
    } catch (error) {
      return [error instanceof Error ? error.message : String(error), ...this.#clients.complaints];
    }
    return [...this.#unknownStatements(), ...this.#clients.complaints, ...findViolations(this.#atRest())];
  }

  #parts<UseCases>(service: Service, wire: Parts<UseCases>['wire']): Parts<UseCases> {
    const keys = new IdempotencyTable();
    const { weather } = this.#world;
    const faults: DatabaseFaults = {
      connectionBreaks: () => this.#random.chance(weather.brokenConnection),
      commitAnswerIsLost: () => this.#random.chance(weather.lostCommit),
      choose: (count) => this.#random.int(0, count - 1),
    };
    const messaging = this.#messaging[service];
    const sql = (tx: MemoryTransaction, text: string) =>
      text.includes('idempotency_key') ? idempotencySql(keys, tx) : redriveSql(messaging, tx);
    const database = new MemoryDatabase(service, this.#scheduler, faults, sql);
    const locks = new RelayLocks(this.#scheduler, this.#random);
    return { service, database, messaging, locks, wire };
  }

  /** Makes the handlers of some orders throw, until an operator has mended them. */
  readonly #failpoint: Failpoint = (group, event) => {
    if (this.#mended) return;
    const order = this.#clients.orderOf(event.key);
    for (const failpoint of this.#world.weather.failpoints) {
      if (failpoint.group === group && failpoint.order === order) throw new Error('failpoint');
    }
  };

  /** The operator: redrives every dead letter, as often as needed, and mends the handlers meanwhile. */
  async #operate(mendAt: number): Promise<void> {
    void this.#scheduler.sleep(OPERATOR, mendAt, 'mend the handlers').then(() => {
      this.#mended = true;
    });
    await this.#scheduler.sleep(OPERATOR, this.#random.pick([mendAt / 2, mendAt]), 'begin to redrive');
    for (;;) {
      for (const service of SERVICES) await this.#resolve(service);
      await this.#scheduler.sleep(OPERATOR, 700, 'look for dead letters');
    }
  }

  /** Redrives each dead letter, or discards it where the saga can do without it. */
  async #resolve(service: Service): Promise<void> {
    const { deadLetters } = this.#messaging[service];
    const dead = [...deadLetters.committed.values()].filter((letter) => letter.status === 'DEAD');
    for (const letter of dead) {
      const isDispensable = !INDISPENSABLE.has(letter.eventType ?? '');
      const status = isDispensable && this.#random.chance(this.#world.weather.discards) ? 'DISCARDED' : 'REDRIVE';
      await this.#databases[service]
        .transaction(OPERATOR, async (tx) => {
          await tx.statement(`${status} ${letter.eventType} ${letter.record.key}`);
          const [locked] = await tx.lock(deadLetters, [positionOf(letter)]);
          if (locked?.status === 'DEAD') await tx.put(deadLetters, positionOf(letter), { ...locked, status });
        })
        .catch(() => undefined);
    }
  }

  /** Causes the weather's misfortunes for this step. */
  #misfortunes(): void {
    const step = this.#scheduler.stepsTaken;
    const { crashes, rebalances, redisLosses } = this.#world.weather;
    for (const crash of crashes) if (crash.atStep === step) this.#crash(crash.victim, crash.downMs);
    for (const { atStep, kind } of redisLosses) {
      if (atStep !== step) continue;
      this.#scheduler.note(CHAOS, `*** Redis is ${kind}`);
      if (kind === 'emptied') this.#redis.empty();
      else this.#redis.restart();
    }
    for (const rebalance of rebalances) {
      if (rebalance.atStep !== step) continue;
      const groups = [...this.#log.groups.values()];
      if (groups.length === 0) continue;
      const group = this.#random.pick(groups);
      this.#scheduler.note(CHAOS, `*** ${group.id} rebalances`);
      group.rebalance();
    }
  }

  /** The broker refuses something for a while. */
  async #refuse({ what, at, forMs }: World['weather']['refusals'][number]): Promise<void> {
    await this.#scheduler.sleep(CHAOS, at, `*** the broker refuses ${what}`);
    this.#log.refused.add(what);
    await this.#scheduler.sleep(CHAOS, forMs, `*** the broker takes ${what} again`);
    this.#log.refused.delete(what);
  }

  #crash(victim: number, downMs: number): void {
    const instance = this.#instances[victim % this.#instances.length];
    if (!instance?.alive) return;
    instance.crash();
    void this.#scheduler.sleep(CHAOS, downMs, `*** ${instance.name} starts again`).then(() => instance.start());
  }

  #isAtRest(): boolean {
    if (this.#hasUnexpectedDeadLetters() || this.#hasUnknownStatements()) return true;
    if (this.#clients.waiting > 0) return false;
    for (const group of this.#log.groups.values()) if (!group.isAtEnd) return false;
    for (const tables of Object.values(this.#messaging)) {
      if (tables.outbox.committed.size > 0 || tables.parkedKeys.committed.size > 0) return false;
    }
    if (Object.values(this.#databases).some((database) => database.open.size > 0)) return false;
    for (const order of this.#order.orders.committed.values()) if (order.status === 'PENDING') return false;
    if (!this.#areDoorsRight()) return false;
    for (const end of this.#coupon.ends.committed.values()) if (!end.doneAt) return false;
    return this.#instances.every((instance) => instance.alive);
  }

  /** Whether every open door knows exactly the holders, and every request on the log is decided. */
  #areDoorsRight(): boolean {
    for (const request of this.#coupon.requests.committed.values()) if (request.status === 'PENDING') return false;
    const coupons = [...this.#coupon.coupons.committed.values()];
    return this.#world.policies.every(({ couponPolicyId }) => {
      const { holders, total } = this.#redis.of(couponPolicyId);
      const own = coupons.filter((it) => it.couponPolicyId === couponPolicyId);
      const isRight = own.length === holders.size && own.every((it) => holders.get(it.userId) === it.couponId);
      return total === undefined || isRight;
    });
  }

  #unknownStatements(): string[] {
    return Object.values(this.#databases).flatMap((database) => database.unknownStatements.map(String));
  }

  #hasUnknownStatements(): boolean {
    for (const service of SERVICES) if (this.#databases[service].unknownStatements.length > 0) return true;
    return false;
  }

  /** Without a failpoint no message may be dead-lettered: the run ends at once, and the invariants name it. */
  #hasUnexpectedDeadLetters(): boolean {
    for (const service of SERVICES)
      if (this.#messaging[service].deadLetters.committed.size > 0 && !this.#failing.has(service)) return true;
    return false;
  }

  #atRest(): ShopAtRest {
    const log: LoggedEvent[] = [];
    for (const records of this.#log.records.values()) {
      for (const { topic, key, headers } of records) {
        const type = headers.ce_type ?? '';
        if (!topic.endsWith('.dlq') && isEventType(type))
          log.push({ id: headers.ce_id ?? '', type, key: key ?? '', topic });
      }
    }
    return {
      world: this.#world,
      order: this.#order,
      catalog: this.#catalog,
      coupon: this.#coupon,
      redisTroubles: this.#redis.troubles,
      payment: this.#payment,
      messaging: this.#messaging,
      log,
      answers: this.#clients.answers,
      asks: this.#clients.asks,
    };
  }
}

let codec: Promise<Codec> | undefined;

/** The real codec on a registry in memory; shared, since it keeps no state of a run. */
function sharedCodec(): Promise<Codec> {
  codec ??= (async () => {
    const made = createCodecOn(createMemoryRegistry());
    await made.ready();
    return made;
  })();
  return codec;
}
