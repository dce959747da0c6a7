import type { AuditSession } from '../../ops/src/audit/index.ts';
import { drive } from './drive.ts';
import { productsInStock } from './orders.ts';
import { profileOf } from './profiles.ts';
import { inOneLine, judgeRequests, type RequestsRun } from './requests.ts';
import { DRAIN_LIMIT_MS, WARMUP_SECONDS } from './search.ts';
import type { Target } from './stack.ts';
import { withTokens } from './tokens.ts';

/** A load of reads through the gateway. */
export interface ReadLoad {
  readonly name: 'list' | 'popular';
  readonly title: string;
  readonly paths: readonly string[];
}

export const READ_LOADS: readonly ReadLoad[] = [
  { name: 'list', title: 'GET /products, 20 of them', paths: ['/products?limit=20'] },
  { name: 'popular', title: 'GET /products/popular', paths: ['/products/popular'] },
];

/** Orders a second, and seconds, before popular products are read: an empty list would show nothing. */
const SOLD_RATE = 50;
const SOLD_SECONDS = 6;

/** Sells some of many products, so that there are popular products. */
export async function sellSome(target: Target, session: AuditSession, users: number): Promise<void> {
  const { gateway } = target.addresses;
  const plan = await withTokens(
    {
      targets: [gateway],
      traffic: {
        kind: 'orders',
        profile: profileOf(1, false),
        users,
        products: await productsInStock(gateway),
        waitsPerSecond: 0,
      },
      rate: SOLD_RATE,
      warmupSeconds: 0,
      seconds: SOLD_SECONDS,
      run: `sold-${Date.now().toString(36)}`,
    },
    target,
  );
  await drive(plan, () => []);
  await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
}

export async function runReads(
  target: Target,
  { paths }: ReadLoad,
  rate: number,
  seconds: number,
  say: (words: string) => void,
): Promise<RequestsRun> {
  const plan = {
    targets: [target.addresses.gateway],
    traffic: { kind: 'reads' as const, paths },
    rate,
    warmupSeconds: WARMUP_SECONDS,
    seconds,
    run: 'reads',
  };
  const run = judgeRequests(rate, seconds, await drive(plan, target.processes));
  say(inOneLine(run));
  return run;
}
