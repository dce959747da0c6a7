import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountOperation } from '../judge/accounts.ts';
import type { Ask } from '../judge/coupons.ts';
import type { Demand } from '../judge/stock.ts';
import { createRandom, type Random } from '../simulation/random.ts';
import type { Answer } from './answer.ts';
import type { Api, OrderBody } from './api.ts';

/** What all shoppers were told, ready for the judge. Times are ms of one clock. */
export interface History {
  readonly accounts: ReadonlyMap<number, readonly AccountOperation[]>;
  readonly demands: ReadonlyMap<number, readonly Demand[]>;
  readonly asks: ReadonlyMap<number, readonly Ask[]>;
  /** Operations that have a final answer. */
  readonly answered: number;
}

export interface ShoppersOptions {
  /** New users, whose accounts begin with nothing. */
  readonly users: readonly number[];
  /** Sessions of each user at the same time. */
  readonly sessions: number;
  /** Products of one price, in won. */
  readonly products: readonly number[];
  readonly price: number;
  readonly policies: readonly number[];
  readonly seed: number;
}

export interface Shoppers {
  /** Resolves once this many more operations have a final answer. */
  answered(count: number, withinMs?: number): Promise<void>;
  /** Lets each session finish its operation, and returns what all were told. */
  stop(): Promise<History>;
}

const RETRY_MS = 300;
const TURN_MS = 20;
const ORDER_WAIT_S = 5;
const LARGEST_CHARGE = 100;

/** Users who charge, look, order, cancel and ask for coupons, in several sessions each, and write down each answer. */
export function startShoppers(api: Api, options: ShoppersOptions): Shoppers {
  const record = new Recorder();
  const sessions = options.users.flatMap((userId) =>
    Array.from({ length: options.sessions }, (_, n) => {
      const random = createRandom(options.seed * 1_000_003 + userId * 31 + n);
      return new Session(api, options, record, random, userId);
    }),
  );
  let stopped = false;
  const driving = Promise.all(
    sessions.map(async (session) => {
      while (!stopped) await session.act();
    }),
  );
  driving.catch(() => undefined); // Reported by stop().
  return {
    async answered(count, withinMs = 90_000) {
      const wanted = record.answered + count;
      const deadline = performance.now() + withinMs;
      while (record.answered < wanted) {
        if (performance.now() > deadline)
          throw new Error(`${count} more answers did not come within ${withinMs} ms; ${wanted - record.answered} lack`);
        await Promise.race([sleep(TURN_MS), driving]);
      }
    },
    async stop() {
      stopped = true;
      await driving;
      return record;
    },
  };
}

class Recorder implements History {
  readonly accounts = new Map<number, AccountOperation[]>();
  readonly demands = new Map<number, Demand[]>();
  readonly asks = new Map<number, Ask[]>();
  answered = 0;

  account(userId: number, ...operations: AccountOperation[]): void {
    put(this.accounts, userId, operations);
  }

  demand(productId: number, demand: Demand): void {
    put(this.demands, productId, [demand]);
  }

  ask(policyId: number, ask: Ask): void {
    put(this.asks, policyId, [ask]);
  }

  cancelled(productId: number, orderId: string, cancelAsked: number): void {
    const all = this.demands.get(productId) ?? [];
    const index = all.findIndex((it) => it.orderId === orderId);
    const before = all[index];
    if (before) all[index] = { ...before, cancelAsked: before.cancelAsked ?? cancelAsked };
  }
}

function put<Key, Value>(map: Map<Key, Value[]>, key: Key, values: readonly Value[]): void {
  const list = map.get(key);
  if (list) list.push(...values);
  else map.set(key, [...values]);
}

interface Bought {
  readonly orderId: string;
  readonly productId: number;
  readonly amount: number;
}

/** One browser of one user: one operation after the other. */
class Session {
  readonly #api: Api;
  readonly #options: ShoppersOptions;
  readonly #record: Recorder;
  readonly #random: Random;
  readonly #userId: number;
  readonly #bought: Bought[] = [];

  constructor(api: Api, options: ShoppersOptions, record: Recorder, random: Random, userId: number) {
    this.#api = api;
    this.#options = options;
    this.#record = record;
    this.#random = random;
    this.#userId = userId;
  }

  async act(): Promise<void> {
    const chance = this.#random.next();
    if (chance < 0.2) await this.#charge();
    else if (chance < 0.4) await this.#read();
    else if (chance < 0.8) await this.#order();
    else if (chance < 0.9) await this.#cancel();
    else await this.#askForCoupon();
    this.#record.answered++;
  }

  /** Sends a request until it has a final answer. `unanswered` hears of each try that had none, with its time. */
  async #untilAnswered<Body>(
    send: () => Promise<Answer<Body>>,
    unanswered: (called: number) => void = () => undefined,
  ): Promise<Answer<Body>> {
    for (;;) {
      const called = performance.now();
      const answer = await send().catch(() => undefined);
      if (answer && answer.status < 500) return answer;
      unanswered(called);
      await sleep(RETRY_MS);
    }
  }

  async #charge(): Promise<void> {
    const amount = this.#random.int(1, LARGEST_CHARGE);
    const key = randomUUID();
    const called = performance.now();
    const answer = await this.#untilAnswered(() => this.#api.charge(this.#userId, amount, key));
    const balance = Number(expectOneOf(answer, 200).body.balance);
    this.#record.account(this.#userId, { kind: 'CHARGE', amount, balance, called, returned: performance.now() });
  }

  async #read(): Promise<void> {
    let called = 0;
    const balance = await this.#untilAnswered(() => {
      called = performance.now();
      return this.#api.request<{ balance: number }>('GET', '/points', { query: { userId: this.#userId } });
    });
    const operation = { kind: 'READ', balance: expectOneOf(balance, 200).body.balance } as const;
    this.#record.account(this.#userId, { ...operation, called, returned: performance.now() });
  }

  async #order(): Promise<void> {
    const productId = this.#random.pick(this.#options.products);
    const quantity = this.#random.int(1, 2);
    const key = randomUUID();
    const called = performance.now();
    const lines = [[productId, quantity]] as const;
    const answer = await this.#untilAnswered(() =>
      this.#api.placeOrder(this.#userId, lines, { key, wait: ORDER_WAIT_S }),
    );
    const { orderId } = expectOneOf(answer, 201, 202, 402, 409).body;
    const order = await this.#ended(orderId);
    this.#told(order, { productId, quantity, called, amount: quantity * this.#options.price });
  }

  async #ended(orderId: string): Promise<OrderBody> {
    for (;;) {
      const answer = await this.#untilAnswered(() => this.#api.order(orderId, this.#userId, ORDER_WAIT_S));
      const order = expectOneOf(answer, 200).body;
      if (order.status !== 'PENDING') return order;
    }
  }

  #told(
    { orderId, status, reason }: OrderBody,
    placed: { productId: number; quantity: number; called: number; amount: number },
  ): void {
    const { productId, quantity, called, amount } = placed;
    const returned = performance.now();
    const end = status === 'COMPLETED' ? 'SOLD' : reason === 'OUT_OF_STOCK' ? 'SOLD_OUT' : 'OTHER';
    this.#record.demand(productId, { orderId, quantity, called, returned, end, cancelAsked: undefined });
    if (end === 'SOLD') {
      this.#bought.push({ orderId, productId, amount });
      this.#record.account(this.#userId, { kind: 'PAY', amount, called, returned });
    } else if (reason === 'INSUFFICIENT_BALANCE') {
      this.#record.account(this.#userId, { kind: 'TOO_POOR', amount, called, returned });
    } else if (end === 'OTHER') {
      const open = { orderId, amount, called, returned: Infinity };
      this.#record.account(this.#userId, { kind: 'TAKE', ...open }, { kind: 'GIVE_BACK', isPaid: false, ...open });
    }
  }

  async #cancel(): Promise<void> {
    const order = this.#bought.shift();
    if (!order) return;
    const { orderId, productId, amount } = order;
    const key = randomUUID();
    const called = performance.now();
    expectOneOf(await this.#untilAnswered(() => this.#api.cancel(orderId, this.#userId, key)), 200, 202);
    this.#record.cancelled(productId, orderId, called);
    const back = { kind: 'GIVE_BACK', isPaid: true, orderId, amount } as const;
    this.#record.account(this.#userId, { ...back, called, returned: Infinity });
  }

  async #askForCoupon(): Promise<void> {
    const couponPolicyId = this.#random.pick(this.#options.policies);
    const userId = this.#userId;
    let called = 0;
    const answer = await this.#untilAnswered(
      () => {
        called = performance.now();
        const body = { userId, couponPolicyId };
        return this.#api.request<{ couponId?: string; code?: string }>('POST', '/coupons/issue', { body });
      },
      (since) => this.#record.ask(couponPolicyId, { userId, called: since, returned: Infinity, told: undefined }),
    );
    const { couponId, code } = expectOneOf(answer, 200, 409).body;
    const told = couponId === undefined ? ({ kind: 'SOLD_OUT' } as const) : ({ kind: 'ISSUED', couponId } as const);
    if (couponId === undefined && code !== 'COUPON_SOLD_OUT') throw new Error(`a coupon was refused with ${code}`);
    this.#record.ask(couponPolicyId, { userId, called, returned: performance.now(), told });
  }
}

function expectOneOf<Body>(answer: Answer<Body>, ...statuses: number[]): Answer<Body> {
  if (statuses.includes(answer.status)) return answer;
  throw new Error(`expected ${statuses.join(' or ')}, got ${answer.status}: ${answer.text.slice(0, 300)}`);
}
