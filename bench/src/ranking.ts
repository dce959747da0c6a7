import type { AuditSession } from '../../ops/src/audit/index.ts';
import { readCounting } from './counting.ts';
import { drive, startLoad } from './drive.ts';
import type { LoadPlan } from './plan.ts';
import { profileOf } from './profiles.ts';
import { type Fact, inOneLine, judgeRequests, type RequestsRun } from './requests.ts';
import { DRAIN_LIMIT_MS, WARMUP_SECONDS } from './search.ts';
import type { Target } from './stack.ts';
import { withTokens } from './tokens.ts';

/** Sales during the reads of the ranking. */
export interface Sales {
  readonly users: number;
  readonly products: readonly number[];
  /** Orders a second. */
  readonly rate: number;
}

/** Popular products are read at one rate, while orders complete at another. */
export async function runPopular(
  target: Target,
  session: AuditSession,
  sales: Sales,
  rate: number,
  seconds: number,
  say: (words: string) => void,
): Promise<RequestsRun> {
  const { gateway } = target.addresses;
  await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
  // The orders start before and end after the window of the reads.
  const orders = startLoad(await ordersPlan(target, sales, WARMUP_SECONDS + seconds + 2), () => [], 'order generator');
  const reads = await drive(
    {
      targets: [gateway],
      traffic: { kind: 'reads', paths: ['/products/popular'] },
      rate,
      warmupSeconds: WARMUP_SECONDS,
      seconds,
      run: 'popular',
    },
    () => [...target.processes(), orders.generator],
  );
  const sold = await orders.driven;
  await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
  const counting = await readCounting(session.sql, reads.load.from, reads.load.to);
  const { p50, p95, p99 } = counting.lag;
  const run = judgeRequests(rate, seconds, reads, {
    facts: [
      ['orders completed meanwhile', `${Math.round(counting.orders / seconds)}/s`],
      ['completed → counted', `p50 ${p50.toFixed(0)} p95 ${p95.toFixed(0)} p99 ${p99.toFixed(0)} ms`],
    ],
    wrong: wrongCount(counting) ?? wrongSales(sold.load),
  });
  say(inOneLine(run));
  return run;
}

/**
 * Measures how quickly a backlog is counted: the ranking is stopped, orders complete, it starts again.
 * @param pause stops the ranking service and returns a function that starts it
 */
export async function countBacklog(
  target: Target,
  session: AuditSession,
  sales: Sales,
  events: number,
  pause: () => Promise<() => Promise<void>>,
): Promise<Fact[]> {
  await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
  const resume = await pause();
  const { load } = await drive(await ordersPlan(target, sales, Math.ceil(events / sales.rate)), () => []).finally(
    async () => {
      // The saga does not need the ranking. The pause ends only when the last order has ended.
      await untilNonePending(session);
      await resume();
    },
  );
  const from = load.from;
  await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
  const counting = await readCounting(session.sql, from, Date.now());
  const wrong = wrongCount(counting);
  if (wrong) throw new Error(wrong);
  const ms = counting.lastAt - counting.firstAt;
  return [
    ['backlog of order-completed', String(counting.counted)],
    // A single batch has no duration.
    [
      'from its first batch to its last',
      `${ms} ms${ms > 0 ? ` (${Math.round(counting.counted / (ms / 1_000))}/s)` : ''}`,
    ],
  ];
}

function ordersPlan(target: Target, { users, products, rate }: Sales, seconds: number): Promise<LoadPlan> {
  const plan: LoadPlan = {
    targets: [target.addresses.gateway],
    traffic: { kind: 'orders', profile: profileOf(1, false), users, products, waitsPerSecond: 0 },
    rate,
    warmupSeconds: 0,
    seconds,
    run: `sales-${Date.now().toString(36)}`,
  };
  return withTokens(plan, target);
}

async function untilNonePending({ sql }: AuditSession): Promise<void> {
  for (const deadline = performance.now() + DRAIN_LIMIT_MS; performance.now() < deadline; ) {
    const [row] = await sql.query<{ n: number }>(
      "SELECT COUNT(*) AS n FROM shop_order.orders WHERE status = 'PENDING'",
    );
    if (row?.n === 0) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}

function wrongCount({ orders, counted }: { orders: number; counted: number }): string | undefined {
  return counted < orders ? `${orders} orders completed and the ranking counted ${counted} of them` : undefined;
}

function wrongSales({ offered, accepted }: { offered: number; accepted: number }): string | undefined {
  return accepted < offered * 0.99 ? `only ${accepted} of ${offered} orders beside it were accepted` : undefined;
}
