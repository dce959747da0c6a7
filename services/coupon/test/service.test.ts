import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { insertRows } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { type Api, nextUserId, type Page, type Problem, patiently } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { expectOps } from '../../../test/support/ops.ts';
import { type RunningService, runService, TRACEPARENT } from '../../../test/support/running-service.ts';
import { connectRedis, testStack } from '../../../test/support/stack.ts';

let coupon: RunningService;
let api: Api;
let redis: Redis;

beforeAll(async () => {
  coupon = await runService('coupon', 'coupon-events', { RECONCILE_EVERY_MS: '600000' });
  api = coupon.api;
  redis = connectRedis(testStack());
}, 120_000);
afterAll(async () => {
  redis?.disconnect();
  await coupon?.stop();
});

interface Policy {
  couponPolicyId: number;
  name: string;
  totalQuantity: number;
  remaining: number;
}
interface Issued {
  couponId: string;
  couponPolicyId: number;
  discountAmount: number;
  status: string;
  expiresAt: string;
  alreadyIssued: boolean;
}

const DAY_MS = 86_400_000;
const body = (more: object = {}) => ({ name: 'Test', discountAmount: 500, totalQuantity: 5, validDays: 7, ...more });

async function newPolicy(more: object = {}): Promise<number> {
  const answer = await api.request<Policy>('POST', '/coupon-policies', { body: body(more) });
  expect(answer.status).toBe(201);
  return answer.body.couponPolicyId;
}
const issue = (couponPolicyId: number, userId: number, headers = {}) =>
  api.request<Issued & Problem>('POST', '/coupons/issue', { body: { userId, couponPolicyId }, headers });
const issueAsync = (couponPolicyId: number, userId: number) =>
  api.request<{ requestId: string; status: string } & Problem>('POST', '/coupons/issue', {
    body: { userId, couponPolicyId },
    headers: { prefer: 'respond-async' },
  });
const requestState = (requestId: string, userId: number) =>
  api.request<{ status: string; coupon?: Issued }>('GET', `/coupons/requests/${requestId}`, { query: { userId } });
const decided = (requestId: string, userId: number) =>
  eventually(`the outcome of ${requestId}`, async () => {
    const { body } = await requestState(requestId, userId);
    return body.status !== 'PENDING' && body;
  });
const holders = (couponPolicyId: number) => redis.hgetall(`coupon:{${couponPolicyId}}:holders`);
const answers = (answer: string, way: string) => coupon.metric('coupon_answers_total', { answer, way });
const reconcile = (execute: boolean) =>
  api.request<{ differences: Record<string, unknown>[] }>('POST', `/internal/reconcile?execute=${execute}`);
async function counted(couponPolicyId: number) {
  const [row] = await coupon.database.query<{ counter: number; rows_: number }>(
    `SELECT issued_count AS counter, (SELECT COUNT(*) FROM coupons c WHERE c.coupon_policy_id = p.coupon_policy_id) AS rows_
       FROM coupon_policies p WHERE coupon_policy_id = ?`,
    [couponPolicyId],
  );
  return row;
}

describe('policies', () => {
  it('when a policy is created, then it is shown, published and repeated by its key', async () => {
    const key = uuidv7();
    const wanted = body({ name: 'Spring', startsAt: '2026-01-01T00:00:00+09:00', endsAt: '2099-01-01T00:00:00Z' });
    const create = (more = {}) =>
      api.request<Policy>('POST', '/coupon-policies', {
        body: { ...wanted, ...more },
        headers: { 'idempotency-key': key, traceparent: TRACEPARENT },
      });
    const first = await create();
    expect(first.status).toBe(201);
    const shown = {
      ...wanted,
      couponPolicyId: first.body.couponPolicyId,
      remaining: 5,
      startsAt: '2025-12-31T15:00:00.000Z',
      endsAt: '2099-01-01T00:00:00.000Z',
      status: 'ACTIVE',
      endedAt: null,
    };
    expect(first.body).toEqual(shown);

    const again = await create();
    expect([again.status, again.body]).toEqual([201, shown]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    for (const other of [{ totalQuantity: 6 }, { endsAt: '2098-01-01T00:00:00Z' }])
      expect(await create(other)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });

    const [event] = await coupon.hear(first.body.couponPolicyId);
    expect(event?.type).toBe('coupon-policy-created');
    expect(event?.data).toMatchObject({ name: 'Spring', totalQuantity: 5, idempotencyKey: key });
    expect(event?.data.requestHash).toMatch(/^[0-9a-f]{64}$/);
    expect(event?.headers.ce_id).toBe(event?.data.requestId);
  });

  it('when the list is read page by page, then every policy comes once, with what is left', async () => {
    const id = await newPolicy();
    await issue(id, nextUserId());
    const seen: Policy[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: Record<string, string> = { limit: '2', ...(cursor ? { cursor } : {}) };
      const page: Page<Policy> = (await api.request<Page<Policy>>('GET', '/coupon-policies', { query })).body;
      seen.push(...page.items);
      cursor = page.nextCursor;
    }
    const ids = seen.map((it) => it.couponPolicyId);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(seen.find((it) => it.couponPolicyId === id)).toMatchObject({ totalQuantity: 5, remaining: 4 });
  });
});

describe('a coupon', () => {
  it('when a user asks for a coupon, then it is issued, written, published and known at the door', async () => {
    const id = await newPolicy();
    const userId = nextUserId();
    const before = Date.now();
    const answer = await issue(id, userId, { traceparent: TRACEPARENT });
    expect(answer).toMatchObject({
      status: 200,
      body: { couponPolicyId: id, discountAmount: 500, status: 'ISSUED', alreadyIssued: false },
    });
    // The service's time is the database's, as far as it is known: some milliseconds may be between it and ours.
    expect(new Date(answer.body.expiresAt).getTime()).toBeGreaterThanOrEqual(before - 100 + 7 * DAY_MS);

    const [, event] = await coupon.hear(id, 2);
    expect(event?.type).toBe('coupon-issued');
    const { couponId } = answer.body;
    expect(event?.data).toMatchObject({ couponPolicyId: id, couponId, userId, discountAmount: 500, byRequest: false });
    expect(event?.headers.ce_id).toBe(couponId);
    expect(event?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    expect(await counted(id)).toEqual({ counter: 1, rows_: 1 });
    await eventually('the holder', async () => (await holders(id))[userId] === couponId);
    expect(await redis.get(`coupon:{${id}}:total`)).toBe('5');
  });

  it('when the user asks again, one after the other or at once, then the answer is the same coupon', async () => {
    const id = await newPolicy();
    const userId = nextUserId();
    const at = await Promise.all(Array.from({ length: 10 }, () => issue(id, userId)));
    const later = await issue(id, userId);
    expect(new Set([...at, later].map((it) => `${it.status} ${it.body.couponId}`)).size).toBe(1);
    expect(at.filter((it) => !it.body.alreadyIssued)).toHaveLength(1);
    expect(later.body).toEqual({ ...at[0]?.body, alreadyIssued: true });
    expect(await counted(id)).toEqual({ counter: 1, rows_: 1 });
  });

  it('when more ask than there are coupons, then the others are told so, and by the door once it knows', async () => {
    const id = await newPolicy({ totalQuantity: 5 });
    const users = Array.from({ length: 20 }, nextUserId);
    const all = await Promise.all(users.map((userId) => issue(id, userId)));
    expect(all.filter((it) => it.status === 200)).toHaveLength(5);
    const refused = all.filter((it) => it.status !== 200);
    expect(refused.map((it) => [it.status, it.body.code])).toEqual(Array(15).fill([409, 'COUPON_SOLD_OUT']));
    const [atDoor, inDatabase] = [await answers('sold_out', 'door'), await answers('sold_out', 'database')];
    expect((await issue(id, nextUserId())).body.code).toBe('COUPON_SOLD_OUT');
    expect(await answers('sold_out', 'door')).toBe(atDoor + 1);
    expect(await answers('sold_out', 'database')).toBe(inDatabase);
    const winner = users[all.findIndex((it) => it.status === 200)] ?? 0;
    expect(await issue(id, winner)).toMatchObject({ status: 200, body: { alreadyIssued: true } });
    expect(await counted(id)).toEqual({ counter: 5, rows_: 5 });
  });

  it('when the sale has not begun or is over, then no coupon is issued, but a holder is shown theirs', async () => {
    const early = await newPolicy({ startsAt: '2098-01-01T00:00:00Z' });
    expect(await issue(early, nextUserId())).toMatchObject({ status: 409, body: { code: 'COUPON_NOT_OPEN' } });
    const id = await newPolicy();
    const userId = nextUserId();
    await issue(id, userId);
    await coupon.database.execute('UPDATE coupon_policies SET ends_at = ? WHERE coupon_policy_id = ?', [
      new Date(Date.now() - 1_000),
      id,
    ]);
    // A policy is read again after a second.
    await eventually('the end', async () => (await issueAsync(id, nextUserId())).body.code === 'COUPON_NOT_OPEN');
    expect(await issue(id, nextUserId())).toMatchObject({ status: 409, body: { code: 'COUPON_NOT_OPEN' } });
    expect(await issue(id, userId)).toMatchObject({ status: 200, body: { alreadyIssued: true } });
    await redis.hdel(`coupon:{${id}}:holders`, String(userId));
    expect(await issue(id, userId)).toMatchObject({ status: 200, body: { alreadyIssued: true } });
  });

  it('when own coupons are read, then they come newest first, by status, and by page', async () => {
    const userId = nextUserId();
    const ids = [await newPolicy({ name: 'a' }), await newPolicy({ name: 'b' }), await newPolicy({ name: 'c' })];
    const coupons = [];
    for (const id of ids) coupons.push((await issue(id, userId)).body.couponId);
    await coupon.database.execute(
      `UPDATE coupons SET status = 'USED', order_id = ?, used_at = issued_at WHERE coupon_id = ?`,
      [randomUUID(), coupons[0] ?? ''],
    );
    // The coupon has expired, and the job has not marked it.
    await coupon.database.execute('UPDATE coupons SET expires_at = issued_at WHERE coupon_id = ?', [coupons[1] ?? '']);
    type Own = Issued & { name: string; usedAt?: string };
    const list = async (query: Record<string, string | number> = {}) =>
      (await api.request<Page<Own>>('GET', '/coupons', { query: { userId, ...query } })).body;
    const all = await list();
    expect(all.items.map((it) => [it.name, it.status, it.usedAt !== undefined])).toEqual([
      ['c', 'ISSUED', false],
      ['b', 'EXPIRED', false],
      ['a', 'USED', true],
    ]);
    for (const [status, name] of [
      ['ISSUED', 'c'],
      ['EXPIRED', 'b'],
      ['USED', 'a'],
    ] as const) {
      expect((await list({ status })).items.map((it) => it.name)).toEqual([name]);
    }
    const first = await list({ limit: 2 });
    const rest = await list({ limit: 2, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...rest.items]).toEqual(all.items);
    expect(rest.nextCursor).toBeNull();
    expect((await issue(ids[0] ?? 0, userId)).body).toMatchObject({ status: 'USED', alreadyIssued: true });
    // The job has marked it by a clock that was ahead: its time is not over.
    await coupon.database.execute(`UPDATE coupons SET status = 'EXPIRED' WHERE coupon_id = ?`, [coupons[2] ?? '']);
    expect((await list({ status: 'ISSUED' })).items).toMatchObject([{ name: 'c', status: 'ISSUED' }]);
    expect((await list({ status: 'EXPIRED' })).items).toMatchObject([{ name: 'b', status: 'EXPIRED' }]);
  });
});

describe('the end of a policy', () => {
  interface Ended {
    endedAt: string;
    reason: string;
    issuedCount: number;
    revocation: { status: string; revokedCount: number } | null;
  }
  const end = (id: number, revoke = false, reason = 'a mistake') =>
    api.request<Ended & Problem>('POST', `/coupon-policies/${id}/end`, { body: { reason, revoke } });
  const revoked = (id: number) =>
    eventually(`policy ${id} to be revoked`, async () => {
      const { body } = await end(id, true);
      return body.revocation?.status === 'DONE' && body;
    });
  const listed = async (id: number) =>
    (await api.request<Page<Policy>>('GET', '/coupon-policies', { query: { limit: '100' } })).body.items.find(
      (it) => it.couponPolicyId === id,
    );

  it('when a policy is ended, then no coupon is issued any more, whatever the door says, and holders keep theirs', async () => {
    const id = await newPolicy();
    const userId = nextUserId();
    const { couponId } = (await issue(id, userId)).body;
    const answer = await end(id);
    expect(answer).toMatchObject({
      status: 200,
      body: { couponPolicyId: id, reason: 'a mistake', issuedCount: 1, revocation: null },
    });
    const refused = { status: 409, body: { code: 'COUPON_POLICY_ENDED', couponPolicyId: id } };
    expect(await issue(id, nextUserId())).toMatchObject(refused);
    expect(await issueAsync(id, nextUserId())).toMatchObject(refused);
    await redis.flushall();
    expect(await issue(id, nextUserId())).toMatchObject(refused);
    expect(await issue(id, userId)).toMatchObject({ status: 200, body: { couponId, status: 'ISSUED' } });

    const again = await end(id, false, 'another reason');
    expect([again.status, again.body]).toEqual([200, answer.body]);
    const shown = { status: 'ENDED', endedAt: answer.body.endedAt, remaining: 0 };
    await eventually('the list', async () => (await listed(id))?.remaining === 0);
    expect(await listed(id)).toMatchObject(shown);
    const events = await coupon.hear(id, 3);
    expect(events.map((it) => it.type)).toEqual(['coupon-policy-created', 'coupon-issued', 'coupon-policy-ended']);
    expect(events[2]?.data).toMatchObject({ revoke: false, reason: 'a mistake', issuedCount: 1 });
    expect(events[2]?.headers.ce_id).toBe(events[2]?.data.requestId);
  });

  it('when a policy is ended while many ask, then exactly the coupons that were issued before it exist', async () => {
    const id = await newPolicy({ totalQuantity: 1_000 });
    const users = Array.from({ length: 200 }, nextUserId);
    // Without Redis few may wait for the database. The others are refused for load, and come back.
    const asking = Promise.all(users.map((userId) => patiently(() => issue(id, userId))));
    await redis.flushall();
    const { body } = await end(id);
    const late = await Promise.all(Array.from({ length: 20 }, () => issue(id, nextUserId())));
    expect(late.map((it) => it.body.code)).toEqual(Array(20).fill('COUPON_POLICY_ENDED'));
    const all = await asking;
    expect(all.filter((it) => it.status === 200)).toHaveLength(body.issuedCount);
    for (const it of all) if (it.status !== 200) expect(it.body.code).toBe('COUPON_POLICY_ENDED');
    expect(await counted(id)).toEqual({ counter: body.issuedCount, rows_: body.issuedCount });
  });

  it('when a request over the log was accepted before the end, then its outcome is ENDED', async () => {
    const id = await newPolicy();
    const userId = nextUserId();
    let requestId = '';
    await coupon.database.transaction(async (tx) => {
      // The end has the lock of the policy: the request's turn comes after its commit.
      await tx.query('SELECT 1 FROM coupon_policies WHERE coupon_policy_id = ? FOR UPDATE', [id]);
      requestId = (await issueAsync(id, userId)).body.requestId;
      await tx.execute('UPDATE coupon_policies SET ended_at = NOW(3) WHERE coupon_policy_id = ?', [id]);
    });
    expect(await decided(requestId, userId)).toEqual({ requestId, status: 'ENDED' });
    expect(await counted(id)).toEqual({ counter: 0, rows_: 0 });
  });

  it('when a policy is revoked, also after it was ended, then unused coupons are REVOKED, and their users see it', async () => {
    const id = await newPolicy();
    const [free, user] = [nextUserId(), nextUserId()];
    for (const userId of [free, user]) await issue(id, userId);
    await coupon.database.execute(
      `UPDATE coupons SET status = 'USED', order_id = ?, used_at = issued_at WHERE coupon_policy_id = ? AND user_id = ?`,
      [randomUUID(), id, user],
    );
    await end(id);
    const { body } = await end(id, true, 'a worse mistake');
    expect(body).toMatchObject({ reason: 'a mistake', issuedCount: 2 });
    expect((await revoked(id)).revocation).toEqual({ status: 'DONE', revokedCount: 1 });
    const own = async (userId: number, status: string) =>
      (await api.request<Page<Issued>>('GET', '/coupons', { query: { userId, status } })).body.items;
    expect(await own(free, 'REVOKED')).toMatchObject([{ couponPolicyId: id, status: 'REVOKED' }]);
    expect(await own(user, 'USED')).toHaveLength(1);
    expect(await issue(id, free)).toMatchObject({ status: 200, body: { status: 'REVOKED', alreadyIssued: true } });
    const events = (await coupon.hear(id, 5)).filter((it) => it.type === 'coupon-policy-ended');
    expect(events.map((it) => it.data.revoke)).toEqual([false, true]);
  });

  it('when the service is killed while it revokes, then another process revokes the rest, each once', async () => {
    const id = await newPolicy({ totalQuantity: 4_000 });
    const users = Array.from({ length: 4_000 }, nextUserId);
    await coupon.database.transaction(async (tx) => {
      const rows = users.map((userId) => [
        uuidv7(),
        id,
        userId,
        500,
        'ISSUED',
        new Date(),
        new Date(Date.now() + DAY_MS),
      ]);
      const columns = [
        'coupon_id',
        'coupon_policy_id',
        'user_id',
        'discount_amount',
        'status',
        'issued_at',
        'expires_at',
      ];
      await insertRows(tx, 'coupons', columns, rows);
      await tx.execute('UPDATE coupon_policies SET issued_count = 4000 WHERE coupon_policy_id = ?', [id]);
    });
    expect((await end(id, true)).body.revocation).toMatchObject({ status: 'RUNNING' });
    await coupon.process.kill9();
    await coupon.startAgain();
    await coupon.process.ready();
    api = coupon.api;
    const body = await revoked(id);
    expect(body).toMatchObject({ issuedCount: 4_000, revocation: { revokedCount: 4_000 } });
    const states = 'SELECT status, COUNT(*) AS n FROM coupons WHERE coupon_policy_id = ? GROUP BY status';
    expect(await coupon.database.query(states, [id])).toEqual([{ status: 'REVOKED', n: 4_000 }]);
  });
});

describe('a request over the log', () => {
  it('when a request over the log is accepted, then its place on the log decides, and only its user can read the outcome', async () => {
    const id = await newPolicy({ totalQuantity: 3 });
    const users = Array.from({ length: 6 }, nextUserId);
    const accepted: Awaited<ReturnType<typeof issueAsync>>[] = [];
    // Nothing is issued before all requests are accepted: once it is sold out, none would be.
    await coupon.database.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM coupon_policies WHERE coupon_policy_id = ? FOR UPDATE', [id]);
      for (const userId of users) accepted.push(await issueAsync(id, userId));
    });
    const [first] = accepted;
    expect(first).toMatchObject({ status: 202, body: { status: 'PENDING' } });
    expect(first?.headers.get('location')).toBe(`/coupons/requests/${first?.body.requestId}`);
    expect(first?.headers.get('preference-applied')).toBe('respond-async');

    const ends = await Promise.all(accepted.map((it, i) => decided(it.body.requestId, users[i] ?? 0)));
    expect(ends.map((it) => it.status)).toEqual([...Array(3).fill('ISSUED'), ...Array(3).fill('SOLD_OUT')]);
    expect(ends[0]?.coupon).toMatchObject({ couponId: first?.body.requestId, couponPolicyId: id, discountAmount: 500 });
    expect(ends[3]?.coupon).toBeUndefined();
    expect(await counted(id)).toEqual({ counter: 3, rows_: 3 });
    const [, event] = await coupon.hear(id, 2);
    expect(event?.data).toMatchObject({ byRequest: true });
    // The door was told, so the synchronous way knows the holders.
    expect(await issue(id, users[0] ?? 0)).toMatchObject({ status: 200, body: { alreadyIssued: true } });
    expect((await issue(id, nextUserId())).body.code).toBe('COUPON_SOLD_OUT');

    expect((await requestState(first?.body.requestId ?? '', users[1] ?? 0)).status).toBe(404);
    expect((await requestState(uuidv7(), users[0] ?? 0)).status).toBe(404);
    expect((await requestState('nothing', users[0] ?? 0)).status).toBe(404);
  });

  it('when a policy is sold out, then users without a coupon are told so at once, and no row or event is left behind', async () => {
    const id = await newPolicy({ totalQuantity: 1 });
    const owner = nextUserId();
    const { requestId } = (await issueAsync(id, owner)).body;
    await decided(requestId, owner);
    const [atDoor, accepted] = [await answers('sold_out', 'door'), await answers('accepted', 'log')];
    // The door is told after the commit: a request in between still goes over the log.
    const late = await eventually('the door to know', async () => {
      const answer = await issueAsync(id, nextUserId());
      return answer.status !== 202 && answer;
    });
    const more = await Promise.all(Array.from({ length: 20 }, () => issueAsync(id, nextUserId())));
    for (const answer of [late, ...more])
      expect(answer).toMatchObject({ status: 409, body: { code: 'COUPON_SOLD_OUT', couponPolicyId: id } });
    expect((await answers('sold_out', 'door')) - atDoor).toBeGreaterThanOrEqual(20);
    const rows = await coupon.database.query('SELECT 1 FROM coupon_requests WHERE coupon_policy_id = ?', [id]);
    expect(rows.length - 1).toBe((await answers('accepted', 'log')) - accepted);
    expect(rows.length).toBeLessThan(20);

    // Coupons given away by the database stay so with Redis emptied, and a holder is shown theirs.
    await redis.flushall();
    expect(await issueAsync(id, nextUserId())).toMatchObject({ status: 409, body: { code: 'COUPON_SOLD_OUT' } });
    await eventually('the policy to be read again', async () => (await issueAsync(id, owner)).status === 200);
    expect(await issueAsync(id, owner)).toMatchObject({
      status: 200,
      body: { couponId: requestId, alreadyIssued: true },
    });
  });

  it('when the user has a coupon already, then the outcome is that coupon', async () => {
    const id = await newPolicy();
    const userId = nextUserId();
    const { couponId } = (await issue(id, userId)).body;
    const { requestId } = (await issueAsync(id, userId)).body;
    const end = await decided(requestId, userId);
    expect(end).toMatchObject({ status: 'ISSUED', coupon: { couponId, alreadyIssued: true } });
  });

  it('when a message is poison, then only it is set aside and the sale goes on', async () => {
    const id = await newPolicy();
    const dead = () => coupon.database.query('SELECT status FROM dead_letter WHERE message_key = ?', [String(id)]);
    const parked = () => coupon.database.query('SELECT 1 FROM parked_key WHERE message_key = ?', [String(id)]);
    const poison = { couponPolicyId: id, requestId: 'no-uuid', userId: 1, requestedAt: Date.now() };
    await coupon.publish({ type: 'coupon-issue-requested', data: poison });
    const userId = nextUserId();
    const { requestId } = (await issueAsync(id, userId)).body;
    expect(await decided(requestId, userId)).toMatchObject({ status: 'ISSUED' });
    await eventually('the dead letter', async () => (await dead()).length === 1);
    expect(await dead()).toEqual([{ status: 'DEAD' }]);
    expect(await parked()).toEqual([]);
  });

  it('when a dead letter is discarded, then a late copy of it is dropped', async () => {
    const couponPolicyId = 999_998;
    const userId = nextUserId();
    const request = { couponPolicyId, requestId: uuidv7(), userId, requestedAt: Date.now() };
    const letters = () =>
      coupon.database.query<{ id: number; status: string }>(
        'SELECT id, status FROM dead_letter WHERE message_key = ?',
        [String(couponPolicyId)],
      );
    const dropped = () => coupon.metric('events_handled_total', { group: 'coupon-issue', outcome: 'duplicate' });
    await coupon.publish({ type: 'coupon-issue-requested', data: request });
    const [letter] = await eventually('the dead letter', async () => {
      const found = await letters();
      return found.length > 0 && found;
    });
    const discard = ['dead-letters', 'discard', `coupon/${letter?.id}`, '--reason', 'no such policy', '--execute'];
    await expectOps(testStack(), discard);
    const before = await dropped();
    await coupon.publish({ type: 'coupon-issue-requested', data: request });
    await eventually('the copy to be dropped', async () => (await dropped()) === before + 1);
    expect(await letters()).toEqual([{ id: letter?.id, status: 'DISCARDED' }]);
  });
});

describe('the door', () => {
  it('when Redis is emptied, then it is loaded before the door opens again', async () => {
    const id = await newPolicy({ totalQuantity: 2 });
    const [first, second, third] = [nextUserId(), nextUserId(), nextUserId()];
    const { couponId } = (await issue(id, first)).body;
    await redis.flushall();
    expect((await issue(id, first)).body).toMatchObject({ couponId, alreadyIssued: true });
    expect((await holders(id))[first]).toBe(couponId);
    expect((await issue(id, second)).status).toBe(200);
    await redis.flushall();
    expect((await issue(id, third)).body.code).toBe('COUPON_SOLD_OUT');
    expect(await answers('sold_out', 'door')).toBeGreaterThan(0);
  });

  it("when a place was taken and its request died, then the user's retry completes it", async () => {
    const id = await newPolicy({ totalQuantity: 1 });
    const [owner, other] = [nextUserId(), nextUserId()];
    await issue(await newPolicy(), owner);
    await redis.set(`coupon:{${id}}:total`, '1');
    await redis.hset(`coupon:{${id}}:holders`, String(owner), `?${Date.now()}`);
    expect((await issue(id, other)).body.code).toBe('COUPON_SOLD_OUT');
    expect(await issue(id, owner)).toMatchObject({ status: 200, body: { alreadyIssued: false } });
  });

  it('when the door differs from the database, then the plan says so and changes nothing, and reconciling repairs it', async () => {
    const id = await newPolicy({ totalQuantity: 9 });
    const [missing, wrong, stale, young] = [nextUserId(), nextUserId(), nextUserId(), nextUserId()];
    const { couponId } = (await issue(id, missing)).body;
    await eventually('the holder', async () => (await holders(id))[missing] === couponId);
    const key = `coupon:{${id}}:holders`;
    await redis.hdel(key, String(missing));
    const youngPlace = `?${Date.now()}`;
    await redis.hset(key, wrong, uuidv7(), stale, `?${Date.now() - 3_600_000}`, young, youngPlace);
    const before = await holders(id);
    const difference = { couponPolicyId: id, stalePlaces: 1, missing: 1, unknown: 1, wrongTotal: null };

    const plan = await reconcile(false);
    expect(plan.body.differences).toContainEqual(difference);
    expect(await holders(id)).toEqual(before);
    expect((await reconcile(true)).body.differences).toContainEqual(difference);
    expect(await holders(id)).toEqual({ [missing]: couponId, [young]: youngPlace });
    expect((await reconcile(false)).body.differences.filter((it) => it.couponPolicyId === id)).toEqual([]);
  });

  it('when an operator reconciles, then the plan is shown in words, and carried out with --execute', async () => {
    const id = await newPolicy({ totalQuantity: 9 });
    await issue(id, nextUserId());
    await redis.hset(`coupon:{${id}}:holders`, '1', '?0');
    // Only the coupon service runs in this test.
    const ops = async (args: readonly string[] = [], code = 0) =>
      (await expectOps(testStack(), ['reconcile', '--only', 'coupons', ...args], code)).stdout;
    expect(await ops([], 3)).toContain(`policy ${id}: 1 places that nobody claims`);
    expect((await holders(id))['1']).toBe('?0');
    expect(await ops(['--execute', '--json'])).toContain(`policy ${id}: 1 places that nobody claims`);
    expect(await ops()).toContain('all equal');
    expect((await holders(id))['1']).toBeUndefined();
  });

  it('when the door admits a user although none is left, then the database refuses and the door learns it', async () => {
    const id = await newPolicy({ totalQuantity: 2 });
    const users = [nextUserId(), nextUserId()];
    for (const userId of users) await issue(id, userId);
    await redis.del(`coupon:{${id}}:holders`);
    expect((await issue(id, nextUserId())).body.code).toBe('COUPON_SOLD_OUT');
    await eventually('the holders', async () => {
      const known = await holders(id);
      return users.every((userId) => known[userId]) && Object.keys(known).length === 2;
    });
    expect(await counted(id)).toEqual({ counter: 2, rows_: 2 });
  });
});

describe('bad requests', () => {
  const userId = nextUserId();
  const refused: [string, string, unknown, number, string][] = [
    ['POST', '/coupons/issue', { userId, couponPolicyId: 999_999 }, 404, 'COUPON_POLICY_NOT_FOUND'],
    ['POST', '/coupons/issue', { userId }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupons/issue', { userId, couponPolicyId: '1' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupons/issue', { userId, couponPolicyId: 0 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupons/issue', { userId, couponPolicyId: 1.5 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupons/issue', { userId, couponPolicyId: 1, x: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupons/issue', { couponPolicyId: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ name: ' ' }), 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ discountAmount: 0 }), 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ totalQuantity: -1 }), 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ validDays: 100_000 }), 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ startsAt: 'tomorrow' }), 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies', body({ startsAt: '9999-01-01T00:00:00Z' }), 400, 'VALIDATION_FAILED'],
    [
      ...(['POST', '/coupon-policies'] as const),
      body({ startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-02T00:00:00Z' }),
      ...([400, 'VALIDATION_FAILED'] as const),
    ],
    ['POST', '/coupon-policies/999999/end', { reason: 'a mistake' }, 404, 'COUPON_POLICY_NOT_FOUND'],
    ['POST', '/coupon-policies/1/end', {}, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies/1/end', { reason: ' ' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies/1/end', { reason: 'a', revoke: 'yes' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/coupon-policies/x/end', { reason: 'a' }, 400, 'VALIDATION_FAILED'],
    ['GET', '/coupons', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', `/coupons?userId=${userId}&status=GONE`, undefined, 400, 'VALIDATION_FAILED'],
    ['GET', `/coupons?userId=${userId}&cursor=zzz`, undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/coupon-policies?limit=0', undefined, 400, 'VALIDATION_FAILED'],
    ['POST', '/internal/reconcile?execute=yes', undefined, 400, 'VALIDATION_FAILED'],
  ];
  for (const [method, path, sent, status, code] of refused) {
    const request = `${method} ${path} ${JSON.stringify(sent) ?? ''}`.replaceAll(String(userId), '1');
    it(`when ${request} comes, then ${code}`, async () => {
      const answer = await api.request<Problem>(method, path, { body: sent });
      expect(answer).toMatchObject({ status, body: { status, code } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    });
  }
});
