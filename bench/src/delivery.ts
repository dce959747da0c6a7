import { setTimeout as sleep } from 'node:timers/promises';
import type { OrdersRun, Shop } from './orders.ts';
import { profileOf } from './profiles.ts';
import { WARMUP_SECONDS } from './search.ts';
import type { Target } from './stack.ts';

/** A state of the data platform during a load. */
export interface Phase {
  readonly title: string;
  /** True when the platform comes back at the start of the window, and the backlog is delivered beside the load. */
  readonly isReturn: boolean;
  /** Called before the load, or at the start of the window for a return; the state lasts until the next phase. */
  begin(): Promise<void>;
}

export interface DeliveryRun {
  readonly title: string;
  readonly orders: OrdersRun;
  /**
   * Ended orders that it had missed when it came back, and the time until it had received as many events, new ones
   * included, ms.
   */
  readonly backlog?: { readonly ends: number; readonly deliveredMs: number };
}

/** Duration of a load beside a backlog, s. */
export const RETURN_SECONDS = 30;
/** Longest time for a backlog, ms. */
const BACKLOG_LIMIT_MS = 300_000;
/** How long the platform may take to list its events, ms. */
const ANSWER_LIMIT_MS = 5_000;

/**
 * With the platform, with a hanging one, with none; after each of these the return. @throws when the stack is not ours
 * to stop
 */
export function phases({ pause, processes }: Pick<Target, 'pause' | 'processes'>): Phase[] {
  const platform = processes().find(({ name }) => name.startsWith('data-platform'));
  if (!pause || !platform)
    throw new Error('the data platform of a running stack is not ours to stop: leave out --use-running');
  let resume = async () => {};
  return [
    { title: 'there', isReturn: false, begin: async () => {} },
    {
      title: 'hung: it takes connections and never answers',
      isReturn: false,
      begin: async () => void process.kill(platform.pid, 'SIGSTOP'),
    },
    { title: 'back from that', isReturn: true, begin: async () => void process.kill(platform.pid, 'SIGCONT') },
    {
      title: 'gone: it takes no connection',
      isReturn: false,
      begin: async () => {
        resume = await pause('data-platform');
      },
    },
    { title: 'back from that', isReturn: true, begin: () => resume() },
  ];
}

/** Runs one load of orders during a phase. @param seconds of the window, unless it is a return */
export async function runPhase(
  shop: Shop,
  { title, isReturn, begin }: Phase,
  { rate, seconds, platformUrl }: { readonly rate: number; readonly seconds: number; readonly platformUrl: string },
): Promise<DeliveryRun> {
  const profile = profileOf(1, false);
  if (!isReturn) {
    await begin();
    return { title, orders: await shop.run(profile, rate, seconds) };
  }
  let backlog: DeliveryRun['backlog'];
  const orders = await shop.run(profile, rate, RETURN_SECONDS, async () => {
    await sleep(WARMUP_SECONDS * 1_000);
    await begin();
    backlog = await untilDelivered(shop, platformUrl);
  });
  return { title, orders, ...(backlog && { backlog }) };
}

/** Waits until the platform has as many events as orders had ended at its return. */
async function untilDelivered({ session }: Shop, platformUrl: string): Promise<DeliveryRun['backlog']> {
  const began = performance.now();
  const had = await eventsAt(platformUrl);
  const [row] = await session.sql.query<{ n: number }>(
    "SELECT COUNT(*) AS n FROM shop_order.orders WHERE status <> 'PENDING'",
  );
  const ended = row?.n ?? 0;
  while ((await eventsAt(platformUrl)) < ended) {
    if (performance.now() - began > BACKLOG_LIMIT_MS) throw new Error('the data platform does not catch up');
    await sleep(100);
  }
  return { ends: ended - had, deliveredMs: performance.now() - began };
}

async function eventsAt(platformUrl: string): Promise<number> {
  const answer = await fetch(new URL('/stats', platformUrl), { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  const { events } = (await answer.json()) as { events?: unknown };
  if (!answer.ok || typeof events !== 'number') throw new Error(`the data platform answered ${answer.status}`);
  return events;
}
