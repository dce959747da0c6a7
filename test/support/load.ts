import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';

/** What became of one request of the load. `status` is 0 where there was no answer (refused, cut, timed out). */
export interface LoadAnswer {
  readonly sentAt: number;
  readonly ms: number;
  readonly userId: number;
  readonly status: number;
  /** The order's id, for orders that were accepted. */
  readonly orderId: string | undefined;
  /** The problem's code, or the error's message where there was no answer. */
  readonly code: string | undefined;
}

export interface LoadOptions {
  readonly perSecond: number;
  readonly users: readonly number[];
  readonly products: readonly number[];
  /** Requests under way at once; one that would exceed it is not sent, and counted as held back. */
  readonly maxInFlight?: number;
}

/** A load of orders at a bounded, open rate: what the shop does with one order does not slow the next. */
export interface Load {
  /** Every answer so far. */
  readonly answers: readonly LoadAnswer[];
  readonly heldBack: number;
  /** Resolves once this many more orders have been accepted: the signal that the load flows (again). */
  accepted(count: number, withinMs?: number): Promise<void>;
  /** Sends no more and resolves when every request has its answer. */
  stop(): Promise<readonly LoadAnswer[]>;
}

const TURN_MS = 20;

export function startLoad(api: Api, options: LoadOptions): Load {
  const { perSecond, users, products, maxInFlight = 300 } = options;
  const answers: LoadAnswer[] = [];
  const inFlight = new Set<Promise<void>>();
  let heldBack = 0;
  let stopped = false;
  let sent = 0;

  const order = async (index: number): Promise<void> => {
    const userId = pick(users, index);
    // Every third order has two lines, so that row locks are taken in more than one order of arrival.
    const lines = [pick(products, index), ...(index % 3 === 0 ? [pick(products, index + 1)] : [])];
    const sentAt = Date.now();
    const record = (status: number, orderId?: string, code?: string) => {
      answers.push({ sentAt, ms: Date.now() - sentAt, userId, status, orderId, code });
    };
    try {
      const answer = await api.placeOrder(
        userId,
        [...new Set(lines)].map((productId) => [productId, 1]),
      );
      record(answer.status, answer.body?.orderId, answer.body?.code);
    } catch (error) {
      record(0, undefined, error instanceof Error ? error.message : String(error));
    }
  };

  const driving = (async () => {
    const start = Date.now();
    while (!stopped) {
      for (const due = ((Date.now() - start) * perSecond) / 1000; sent < due; sent++) {
        if (inFlight.size >= maxInFlight) {
          heldBack++;
          continue;
        }
        const request = order(sent).finally(() => inFlight.delete(request));
        inFlight.add(request);
      }
      await sleep(TURN_MS);
    }
    await Promise.all(inFlight);
  })();

  const acceptedSoFar = () => answers.reduce((count, answer) => count + (answer.status === 202 ? 1 : 0), 0);
  return {
    answers,
    get heldBack() {
      return heldBack;
    },
    async accepted(count, withinMs = 60_000) {
      const goal = acceptedSoFar() + count;
      const deadline = Date.now() + withinMs;
      while (acceptedSoFar() < goal) {
        if (Date.now() > deadline) {
          throw new Error(
            `waited ${withinMs} ms for ${count} accepted orders, got ${count - (goal - acceptedSoFar())}; ` +
              `the last answers: ${JSON.stringify(answers.slice(-5))}`,
          );
        }
        await sleep(TURN_MS);
      }
    },
    async stop() {
      stopped = true;
      await driving;
      return answers;
    },
  };
}

/** Answers counted by status and code: what a failing test shows. */
export function summarize(answers: readonly LoadAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code } of answers) {
    const kind = code === undefined ? String(status) : `${status} ${code}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
