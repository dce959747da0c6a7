import { OutageError } from '@shop/chassis';
import type { Door, Entry } from '../../services/coupon/src/usecases/door.ts';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/**
 * The state of a policy as `door-scripts.ts` keeps it: user id → coupon id or `?<epoch ms>`, and the quantity once it
 * is complete.
 */
interface PolicyState {
  holders: Map<number, string>;
  total: number | undefined;
}

/** Pause after a failed command, ms, as in the real door. */
const REST_MS = 500;

/** The Redis shared by all instances of coupon. It may be emptied, or come back without its last writes. */
export class SimulatedRedis {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Chance that a command fails, with or without its effect. */
  readonly failures: number;
  /** Failed commands, and losses of data. */
  troubles = 0;
  restarts = 0;
  #policies = new Map<number, PolicyState>();
  #saved = new Map<number, PolicyState>();

  constructor(scheduler: Scheduler, random: Random, failures: number) {
    this.scheduler = scheduler;
    this.random = random;
    this.failures = failures;
  }

  of(couponPolicyId: number): PolicyState {
    let state = this.#policies.get(couponPolicyId);
    if (!state) {
      state = { holders: new Map(), total: undefined };
      this.#policies.set(couponPolicyId, state);
    }
    return state;
  }

  /** Sometimes writes the present state to disk. */
  save(): void {
    if (this.random.chance(0.2)) this.#saved = copyOf(this.#policies);
  }

  empty(): void {
    this.troubles++;
    this.#policies = new Map();
  }

  /** A kill and restart: Redis has its last saved state, and every connection is new. */
  restart(): void {
    this.troubles++;
    this.restarts++;
    this.#policies = copyOf(this.#saved);
  }
}

function copyOf(policies: ReadonlyMap<number, PolicyState>): Map<number, PolicyState> {
  return new Map([...policies].map(([id, { holders, total }]) => [id, { holders: new Map(holders), total }]));
}

/** The door of one process: `db/door.ts` and its scripts, on memory. */
export function connectDoor(redis: SimulatedRedis, actor: Actor): Door {
  const { scheduler, random } = redis;
  let restUntil = 0;
  let failures = 0;
  const restartsBefore = redis.restarts;

  function fail(): never {
    redis.troubles++;
    failures++;
    restUntil = scheduler.now + REST_MS;
    throw new OutageError('redis is away');
  }

  async function guarded<T>(label: string, work: () => T): Promise<T> {
    if (scheduler.now < restUntil) throw new OutageError('redis is away');
    const isLost = random.chance(redis.failures);
    const restarts = redis.restarts;
    await scheduler.step(actor, `redis: ${label}`);
    if (redis.restarts !== restarts || (isLost && random.chance(0.5))) fail();
    const result = work();
    redis.save();
    await scheduler.step(actor, `redis: ${label}, answered`);
    if (redis.restarts !== restarts || isLost) fail();
    return result;
  }

  return {
    get generation() {
      return failures + redis.restarts - restartsBefore;
    },

    enter: ({ couponPolicyId, userId, totalQuantity, take }) =>
      guarded(`user ${userId} knocks`, (): Entry => {
        const { holders, total } = redis.of(couponPolicyId);
        if (total !== totalQuantity) return { kind: 'NOT_LOADED' };
        const held = holders.get(userId);
        const token = `?${scheduler.now}`;
        if (held && !held.startsWith('?')) return { kind: 'HOLDS', couponId: held };
        if (!held && holders.size >= totalQuantity) return { kind: 'SOLD_OUT' };
        if (!take) return { kind: 'NONE' };
        holders.set(userId, token);
        return { kind: held ? 'PENDING' : 'PLACE', token };
      }),

    check: () => guarded('ping', () => undefined),

    confirm(all) {
      if (scheduler.now < restUntil) failures++;
      return guarded(`confirm ${all.length}`, () => {
        for (const { couponPolicyId, userId, couponId } of all) redis.of(couponPolicyId).holders.set(userId, couponId);
      });
    },

    remove: (occupants) =>
      guarded(`remove ${occupants.length}`, () => {
        const standing = occupants.filter((it) => redis.of(it.couponPolicyId).holders.get(it.userId) === it.value);
        for (const { couponPolicyId, userId } of standing) redis.of(couponPolicyId).holders.delete(userId);
        return standing.length;
      }),

    open: (couponPolicyId, totalQuantity, loaded) =>
      guarded(`open ${couponPolicyId}`, () => {
        const state = redis.of(couponPolicyId);
        if (state.holders.size < loaded) return false;
        state.total = totalQuantity;
        return true;
      }),

    summaries: (policyIds) =>
      guarded('summaries', () =>
        policyIds.map((couponPolicyId) => {
          const { total, holders } = redis.of(couponPolicyId);
          return { couponPolicyId, total, taken: holders.size };
        }),
      ),

    places: (couponPolicyId) => guarded(`places of ${couponPolicyId}`, () => new Map(redis.of(couponPolicyId).holders)),
  };
}
