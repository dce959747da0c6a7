import { request } from 'undici';
import { type AuditReport, type AuditSession, openAudit } from '../../ops/src/audit/index.ts';
import { loadDemo } from '../../ops/src/demo/load.ts';
import { drive } from './drive.ts';
import type { LoadResult } from './plan.ts';
import { type CpuUse, othersShare } from './processes.ts';
import type { Profile } from './profiles.ts';
import { confirmedRate, readSagas, type SagaResult } from './sagas.ts';
import { DISTURBED_SHARE, DRAIN_LIMIT_MS, type Trial, WARMUP_SECONDS, whyNotHeld } from './search.ts';
import type { Target } from './stack.ts';
import { withTokens } from './tokens.ts';

/** One load at one rate. */
export interface OrdersRun extends Trial {
  readonly seconds: number;
  readonly load: LoadResult;
  readonly sagas: SagaResult;
  readonly cpu: CpuUse;
  /** Share of unsuccessful answers and uncompleted orders among all offered. */
  readonly failureShare: number;
}

export interface Shop {
  /** @param beside runs beside the load, and is awaited before its orders are read */
  run(profile: Profile, rate: number, seconds: number, beside?: () => Promise<void>): Promise<OrdersRun>;
  audit(): Promise<AuditReport>;
  readonly session: AuditSession;
  close(): Promise<void>;
}

export const USERS = 10_000;
/** Points for each user, in won: no order of a load must fail for points. */
const POINTS = 10_000_000;
/** Products with less stock would sell out under the load. */
const ENOUGH_STOCK = 100_000;
const WAITS_PER_SECOND = 5;

/** Fills the target with users, points and products for the loads. */
export async function openShop(target: Target, say: (words: string) => void): Promise<Shop> {
  const { gateway } = target.addresses;
  const loaded = await loadDemo({
    addresses: target.addresses,
    users: USERS,
    amount: POINTS,
    keyPrefix: 'bench',
    onProgress: say,
  });
  if (!loaded.skipped) say(`demo data in ${(loaded.durationMs / 1_000).toFixed(1)} s`);
  const products = await productsInStock(gateway);
  const session = await openAudit(target.addresses);
  return {
    session,
    audit: () => session.audit({ graceMs: 2_000 }),
    close: () => session.close(),
    async run(profile, rate, seconds, beside = async () => {}) {
      await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
      const plan = {
        targets: [gateway],
        traffic: { kind: 'orders' as const, profile, users: USERS, products, waitsPerSecond: WAITS_PER_SECOND },
        rate,
        seconds,
        warmupSeconds: WARMUP_SECONDS,
        run: `${profile.name}-${rate}-${Date.now().toString(36)}`,
      };
      const driving = drive(await withTokens(plan, target), target.processes);
      const [{ load, cpu }] = await Promise.all([driving, beside()]);
      await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
      const run = judge(rate, seconds, load, await readSagas(session.sql, load.from, load.to), cpu);
      say(inOneLine(run));
      return run;
    },
  };
}

function judge(rate: number, seconds: number, load: LoadResult, sagas: SagaResult, cpu: CpuUse): OrdersRun {
  const cancelled = Object.values(sagas.cancelled).reduce((sum, n) => sum + n, 0);
  const failureShare = Math.min(1, (load.offered - load.accepted + cancelled) / load.offered);
  const reason = whyNotHeld({
    failureShare,
    answerP95Ms: load.answer.p95,
    drainMs: sagas.drainMs,
    confirmedShare: sagas.confirmedPerSecond / rate,
  });
  return {
    rate,
    seconds,
    load,
    sagas,
    cpu,
    failureShare,
    held: reason === undefined,
    disturbed: othersShare(cpu) > DISTURBED_SHARE,
    ...(reason !== undefined && { reason }),
  };
}

function inOneLine({ rate, seconds, load, sagas, held, reason }: OrdersRun): string {
  const answer = `answer p50 ${load.answer.p50.toFixed(1)} p95 ${load.answer.p95.toFixed(1)} ms`;
  const saga = `order → completed p50 ${sagas.toCompleted.p50.toFixed(0)} p95 ${sagas.toCompleted.p95.toFixed(0)} ms`;
  return `${rate}/s: ${confirmedRate(sagas, seconds).toFixed(0)} confirmed/s, ${answer}, ${saga}: ${held ? 'held' : `not held, ${reason}`}`;
}

/** The ids of products that will not sell out under a load. */
export async function productsInStock(gateway: string): Promise<number[]> {
  const answer = await request(`${gateway}/products?limit=100`);
  const { items } = (await answer.body.json()) as { items: { productId: number; stockQuantity: number }[] };
  const ids = items.filter((item) => item.stockQuantity >= ENOUGH_STOCK).map((item) => item.productId);
  if (ids.length === 0)
    throw new Error(`no product at ${gateway} has a stock of ${ENOUGH_STOCK} or more; a fresh stack has`);
  return ids;
}
