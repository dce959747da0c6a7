import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Lines } from './api.ts';

/** The answer to one request of the load. `status` is 0 without an answer (refused, cut, timed out). */
export interface LoadAnswer {
  readonly sentAt: number;
  readonly ms: number;
  readonly userId: number;
  /** The request's Idempotency-Key: repeats have the same. */
  readonly key: string;
  readonly status: number;
  /** The order's id, if it was accepted. */
  readonly orderId: string | undefined;
  /** The problem's code, or the error's message if there was no answer. */
  readonly code: string | undefined;
  readonly detail?: string | undefined;
}

export interface GivenCoupon {
  readonly couponId: string;
  readonly userId: number;
}

export interface LoadOptions {
  readonly perSecond: number;
  readonly users: readonly number[];
  readonly products: readonly number[];
  /**
   * Every fourth order names the next of these coupons, for the user who owns it; after the last the first comes again,
   * used or not.
   */
  readonly coupons?: readonly GivenCoupon[];
  /** How often a client asks with the same key when it is refused or gets no answer. Default: 4. */
  readonly tries?: number;
  /** Most clients at once. A client beyond the limit does not begin and is counted as held back. */
  readonly maxInFlight?: number;
}

/** A load of orders at an open, bounded rate: the time of one order does not slow the next. */
export interface Load {
  readonly answers: readonly LoadAnswer[];
  readonly heldBack: number;
  /** Resolves once this many more orders have been accepted: the sign that the load flows (again). */
  accepted(count: number, withinMs?: number): Promise<void>;
  /** Resolves once this many more requests were not accepted: the sign that a fault has an effect. */
  refused(count: number, withinMs?: number): Promise<void>;
  /** Starts no more clients, and resolves when every client has its answer or has given up. */
  stop(): Promise<readonly LoadAnswer[]>;
}

const TURN_MS = 20;
const TRIES = 4;
const RETRY_AFTER_MS = 500;

export function startLoad(api: Api, options: LoadOptions): Load {
  const { perSecond, users, products, coupons = [], tries = TRIES, maxInFlight = 300 } = options;
  const answers: LoadAnswer[] = [];
  const clients = new Set<Promise<void>>();
  let heldBack = 0;
  let stopped = false;
  let begun = 0;

  async function ask(userId: number, lines: Lines, key: string, couponId: string | undefined): Promise<LoadAnswer> {
    const sentAt = Date.now();
    const record = (status: number, orderId?: string, code?: string, detail?: string): LoadAnswer => {
      const answer = { sentAt, ms: Date.now() - sentAt, userId, key, status, orderId, code, detail };
      answers.push(answer);
      return answer;
    };
    try {
      const { status, body } = await api.placeOrder(userId, lines, {
        ...{ key, once: true },
        ...(couponId === undefined ? {} : { couponId }),
      });
      return record(status, body?.orderId, body?.code, body?.detail);
    } catch (error) {
      return record(0, undefined, error instanceof Error ? error.message : String(error));
    }
  }

  async function client(index: number): Promise<void> {
    // Every third order has two lines, in either order, so that rows are locked in more than one sequence.
    const wanted = [pick(products, index), ...(index % 3 === 0 ? [pick(products, index + 1)] : [])];
    const lines = [...new Set(wanted)].map((productId) => [productId, 1] as const);
    const key = randomUUID();
    const coupon = index % 4 === 0 && coupons.length > 0 ? pick(coupons, index / 4) : undefined;
    const userId = coupon?.userId ?? pick(users, index);
    for (let n = 1; n <= tries; n++) {
      const { status } = await ask(userId, lines, key, coupon?.couponId);
      if (status !== 0 && status !== 503) return;
      await sleep(RETRY_AFTER_MS);
    }
  }

  const driving = (async () => {
    const start = Date.now();
    while (!stopped) {
      for (const due = ((Date.now() - start) * perSecond) / 1000; begun < due; begun++) {
        if (clients.size >= maxInFlight) {
          heldBack++;
          continue;
        }
        const one = client(begun).finally(() => clients.delete(one));
        clients.add(one);
      }
      await sleep(TURN_MS);
    }
    await Promise.all(clients);
  })();

  async function seen(count: number, what: string, isOne: (answer: LoadAnswer) => boolean, withinMs: number) {
    const from = answers.length;
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = answers.slice(from).filter(isOne).length;
      if (found >= count) return;
      if (Date.now() > deadline) {
        const all = JSON.stringify(summarize(answers.slice(from)));
        throw new Error(`waited ${withinMs} ms for ${count} ${what} orders, got ${found}; the answers: ${all}`);
      }
      await sleep(TURN_MS);
    }
  }

  return {
    answers,
    get heldBack() {
      return heldBack;
    },
    accepted: (count, withinMs = 60_000) => seen(count, 'accepted', (answer) => answer.status === 202, withinMs),
    refused: (count, withinMs = 60_000) => seen(count, 'refused', (answer) => answer.status !== 202, withinMs),
    async stop() {
      stopped = true;
      await driving;
      return answers;
    },
  };
}

/** Counts answers by status, code and detail, to show in a failing test. */
export function summarize(answers: readonly LoadAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code, detail } of answers) {
    const kind = [status, code, detail].filter((part) => part !== undefined).join(' ');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
