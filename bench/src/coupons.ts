import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import { request } from 'undici';
import type { AuditSession } from '../../ops/src/audit/index.ts';
import { type SignedHeaders, signedCalls } from '../../ops/src/signed-call.ts';
import type { SqlReader } from '../../ops/src/sql.ts';
import { drive } from './drive.ts';
import { createLatency, type Latency } from './latency.ts';
import { requestCount } from './plan.ts';
import { type Aftermath, inOneLine, judgeRequests, type RequestsRun } from './requests.ts';
import { DRAIN_LIMIT_MS, WARMUP_SECONDS } from './search.ts';
import type { Target } from './stack.ts';
import { withTokens } from './tokens.ts';

/** A load of coupon requests. */
export interface CouponLoad {
  readonly name: 'issue' | 'sold-out' | 'async';
  readonly title: string;
}

export const COUPON_LOADS: readonly CouponLoad[] = [
  { name: 'issue', title: 'Issued: each request another user, coupons for all' },
  { name: 'sold-out', title: 'Sold out: users who have none ask when none is left' },
  { name: 'async', title: 'Log first (`Prefer: respond-async`): accepted, then issued' },
];

export interface CouponBench {
  run(load: CouponLoad, rate: number, seconds: number): Promise<RequestsRun>;
}

const FIRST_USER = 1;
/** An id far above the users of a load. */
const TAKER = 1_000_000_000;

/**
 * Opens loads of the coupon service, each on its own policy.
 * @param direct past the gateway, to every instance of the service in turn
 */
export function openCoupons(
  target: Target,
  session: AuditSession,
  direct: boolean,
  say: (words: string) => void,
): CouponBench {
  const { gateway, services, internalKeys } = target.addresses;
  const way = direct ? { targets: services.coupon.urls, internalKeys } : { targets: [gateway] };
  const service = { url: services.coupon.urls[0] ?? '', signed: signedCalls(internalKeys) };
  return {
    async run(load, rate, seconds) {
      await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
      const size = { rate, seconds, warmupSeconds: WARMUP_SECONDS };
      const { total, warmup } = requestCount(size);
      const couponPolicyId = await createPolicy(service, load.name === 'sold-out' ? 1 : total);
      if (load.name === 'sold-out') await takeLast(service, couponPolicyId);
      const expects = ({ issue: 'issued', 'sold-out': 'sold-out', async: 'accepted' } as const)[load.name];
      const traffic = { kind: 'coupons' as const, couponPolicyId, firstUser: FIRST_USER, expects };
      const plan = { ...size, ...way, traffic, run: `coupons-${couponPolicyId}` };
      const driven = await drive(await withTokens(plan, target), target.processes);
      const { from, to, accepted } = driven.load;
      if (load.name === 'async') await untilDecided(session.sql, couponPolicyId);
      await session.waitUntilIdle({ timeoutMs: DRAIN_LIMIT_MS });
      const issued = await readIssued(session.sql, couponPolicyId, FIRST_USER + warmup);
      const after =
        load.name === 'async'
          ? afterLog(await readRequests(session.sql, couponPolicyId, from, to), rate * seconds)
          : load.name === 'issue'
            ? afterIssue(issued, accepted)
            : { wrong: issued.all === 1 ? undefined : `${issued.all} coupons of a policy of 1` };
      const run = judgeRequests(rate, seconds, driven, after);
      say(inOneLine(run));
      return run;
    },
  };
}

interface Issued {
  readonly all: number;
  /** Coupons of users who asked within the window. */
  readonly inWindow: number;
}

/** Every answered coupon must have a row. A further row is a coupon whose answer did not arrive in time. */
export function afterIssue({ all, inWindow }: Issued, accepted: number): Aftermath {
  return {
    facts: [['coupons in MySQL', String(all)]],
    wrong: inWindow < accepted ? `${accepted} coupons were answered and ${inWindow} are in MySQL` : undefined,
  };
}

/** The outcomes of a window's requests that went by the log. */
export interface LoggedRequests {
  readonly requests: number;
  readonly issued: number;
  readonly soldOut: number;
  readonly pending: number;
  /** Requests decided within the window, whenever they were sent. */
  readonly decidedInWindow: number;
  /** Time from the receipt's row to its outcome. */
  readonly toDecided: Latency;
  /** Time from the window's end to the last outcome, ms. */
  readonly drainMs: number;
}

export function afterLog(log: LoggedRequests, offered: number): Aftermath {
  const { issued, soldOut, pending, requests, toDecided, drainMs, decidedInWindow } = log;
  return {
    facts: [
      [
        'receipt → issued',
        `p50 ${toDecided.p50.toFixed(0)} p95 ${toDecided.p95.toFixed(0)} p99 ${toDecided.p99.toFixed(0)} ms`,
      ],
      ['after the last request, until the last was issued', `${drainMs.toFixed(0)} ms`],
      ['issued', String(issued)],
    ],
    confirmedShare: decidedInWindow / offered,
    drainMs,
    wrong:
      soldOut + pending > 0
        ? `of ${requests} requests ${soldOut} were told sold out and ${pending} have no outcome, with coupons for all`
        : undefined,
  };
}

/** Prepares data past the gateway, since this is not measured. */
interface Service {
  readonly url: string;
  readonly signed: SignedHeaders;
}

/** @returns its id */
export async function createPolicy(service: Service, totalQuantity: number): Promise<number> {
  const body = { name: `bench ${Date.now().toString(36)}`, discountAmount: 1_000, totalQuantity, validDays: 7 };
  const answer = await post(service, '/coupon-policies', body, 201);
  return (JSON.parse(answer) as { couponPolicyId: number }).couponPolicyId;
}

async function takeLast(service: Service, couponPolicyId: number): Promise<void> {
  await post(service, '/coupons/issue', { userId: TAKER, couponPolicyId }, 200);
}

async function post({ url, signed }: Service, path: string, body: object, expected: number): Promise<string> {
  const answer = await request(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signed('POST', path) },
    body: JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== expected)
    throw new Error(`POST ${path} was answered ${answer.statusCode}: ${text.slice(0, 300)}`);
  return text;
}

async function readIssued(sql: SqlReader, couponPolicyId: number, firstUser: number): Promise<Issued> {
  const [row] = await sql.query<Issued>(
    `SELECT COUNT(*) AS \`all\`, COALESCE(SUM(user_id >= ?), 0) AS inWindow FROM shop_coupon.coupons WHERE coupon_policy_id = ?`,
    [firstUser, couponPolicyId],
  );
  return row ?? { all: 0, inWindow: 0 };
}

/** Waits until every request of the policy has its outcome. */
async function untilDecided(sql: SqlReader, couponPolicyId: number): Promise<void> {
  for (const deadline = performance.now() + DRAIN_LIMIT_MS; performance.now() < deadline; await sleep(100)) {
    const [row] = await sql.query<{ pending: number }>(
      "SELECT COUNT(*) AS pending FROM shop_coupon.coupon_requests WHERE status = 'PENDING' AND coupon_policy_id = ?",
      [couponPolicyId],
    );
    if (row?.pending === 0) return;
  }
}

async function readRequests(sql: SqlReader, couponPolicyId: number, from: number, to: number): Promise<LoggedRequests> {
  const window = [new Date(from), new Date(to)];
  const states = await sql.query<{ status: string; n: number; latest: Date | null }>(
    `SELECT status, COUNT(*) AS n, MAX(updated_at) AS latest FROM shop_coupon.coupon_requests
     WHERE coupon_policy_id = ? AND created_at >= ? AND created_at < ? GROUP BY status`,
    [couponPolicyId, ...window],
  );
  const times = await sql.query<{ ms: number; n: number }>(
    `SELECT TIMESTAMPDIFF(MICROSECOND, created_at, updated_at) / 1000 AS ms, COUNT(*) AS n FROM shop_coupon.coupon_requests
     WHERE coupon_policy_id = ? AND created_at >= ? AND created_at < ? AND status <> 'PENDING' GROUP BY ms`,
    [couponPolicyId, ...window],
  );
  const [decided] = await sql.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM shop_coupon.coupon_requests
     WHERE coupon_policy_id = ? AND updated_at >= ? AND updated_at < ? AND status <> 'PENDING'`,
    [couponPolicyId, ...window],
  );
  const toDecided = createLatency(build);
  for (const { ms, n } of times) toDecided.record(ms, n);
  const count = (status: string) => states.find((row) => row.status === status)?.n ?? 0;
  return {
    requests: states.reduce((sum, row) => sum + row.n, 0),
    issued: count('ISSUED'),
    soldOut: count('SOLD_OUT'),
    pending: count('PENDING'),
    decidedInWindow: decided?.n ?? 0,
    toDecided: toDecided.summary(),
    drainMs: Math.max(0, ...states.map((row) => (row.latest?.getTime() ?? 0) - to)),
  };
}
