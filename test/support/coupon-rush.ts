import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { HeadersFor } from './api.ts';

/** The final answer of a user. */
export interface Told {
  readonly userId: number;
  readonly status: number;
  readonly couponId: string | undefined;
  readonly code: string | undefined;
}

export interface RushOptions {
  /** The coupon service's own URL. */
  readonly url: string;
  /** Signs the calls to the service. */
  readonly headersFor: HeadersFor;
  readonly couponPolicyId: number;
  readonly users: readonly number[];
  /** Number of connections, which limits the requests at once. */
  readonly connections: number;
}

/** Users who all want a coupon at once, over a bounded number of connections. */
export interface Rush {
  /** Final answers so far. */
  readonly told: readonly Told[];
  /** Requests without a final answer: refused, cut off, 503. Their users ask again. */
  readonly failures: number;
  /** Resolves at the answer with coupon number `count`. */
  issued(count: number): Promise<void>;
  /** Resolves once `count` more answers have come, or `count` more requests have failed. */
  more(what: 'told' | 'failures', count: number): Promise<void>;
  /** Resolves when every user has a final answer. */
  end(): Promise<readonly Told[]>;
}

const RETRY_MS = 100;
const GIVE_UP_MS = 60_000;

export function startRush({ url, headersFor, couponPolicyId, users, connections }: RushOptions): Rush {
  const pool = new Pool(url, { connections, headersTimeout: 20_000, bodyTimeout: 20_000 });
  const told: Told[] = [];
  const waits: { readonly isSo: () => boolean; readonly resolve: () => void }[] = [];
  const deadline = Date.now() + GIVE_UP_MS;
  let failures = 0;
  let next = 0;

  function look(): void {
    for (const wait of [...waits]) {
      if (!wait.isSo()) continue;
      waits.splice(waits.indexOf(wait), 1);
      wait.resolve();
    }
  }
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      waits.push({ isSo, resolve });
      look();
    });

  async function ask(userId: number): Promise<Told | undefined> {
    try {
      const body = JSON.stringify({ userId, couponPolicyId });
      const headers = { ...headersFor('POST', '/coupons/issue'), 'content-type': 'application/json' };
      const answer = await pool.request({ method: 'POST', path: '/coupons/issue', headers, body });
      const json = (await answer.body.json()) as { couponId?: string; code?: string };
      if (answer.statusCode === 503) return undefined;
      return { userId, status: answer.statusCode, couponId: json.couponId, code: json.code };
    } catch {
      return undefined;
    }
  }

  async function worker(): Promise<void> {
    for (let userId = users[next++]; userId !== undefined; userId = users[next++]) {
      for (;;) {
        const answer = await ask(userId);
        if (answer) told.push(answer);
        else failures++;
        look();
        if (answer) break;
        if (Date.now() > deadline) throw new Error(`user ${userId} got no answer for ${GIVE_UP_MS} ms`);
        await sleep(RETRY_MS);
      }
    }
  }

  const driving = Promise.all(Array.from({ length: connections }, worker)).finally(() => pool.destroy());
  driving.catch(() => undefined); // Reported by end().
  const winners = () => told.filter((it) => it.status === 200).length;
  /** Rejects if the rush ends before the awaited event. */
  const orEnd = (wait: Promise<void>, what: string) =>
    Promise.race([
      wait,
      driving.then(() => {
        throw new Error(`the rush ended before ${what}`);
      }),
    ]);

  return {
    told,
    get failures() {
      return failures;
    },
    issued: (count) =>
      orEnd(
        until(() => winners() >= count),
        `${count} coupons were issued`,
      ),
    more(what, count) {
      const from = what === 'told' ? told.length : failures;
      return orEnd(
        until(() => (what === 'told' ? told.length : failures) >= from + count),
        `${count} more ${what}`,
      );
    },
    async end() {
      await driving;
      return told;
    },
  };
}
