import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { withClosing } from '../../ops/src/with-closing.ts';
import type { AuditState } from '../../ops-console/audit/audits.ts';
import { Api, expectStatus } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Longer than the default, 30 s. */
const DEADLINE_MS = 120_000;
/** More than an audit names, so that two audits cannot tell whether they found the same. */
const ORDERS = 6;

let system: System;
let ops: Api;

beforeAll(async () => {
  system = await startSystem({ auth: 'on', env: { ORDER_DEADLINE_MS: String(DEADLINE_MS) } });
  await system.start('ops-console');
  const { baseUrl, contract } = system.api;
  const body = { userId: 1, scope: 'ops' };
  const answer = await system.api.request<{ token: string }>('POST', '/auth/demo-token', { body });
  const { token } = expectStatus(answer, 200).body;
  ops = new Api(baseUrl, () => ({ authorization: `Bearer ${token}` }), contract);
}, 120_000);

afterAll(() => system?.stop(), 30_000);

/** Places orders that nobody has heard of, as when the catalog is far behind. */
async function placePending(createdAt: Date): Promise<void> {
  await withClosing(
    () => connectRoot(system.stack),
    async (sql) => {
      for (let i = 0; i < ORDERS; i++)
        await sql.execute(
          `INSERT INTO shop_order.orders (order_id, user_id, status, version, created_at, updated_at) VALUES (?, 1, 'PENDING', 1, ?, ?)`,
          [uuidv7({ msecs: createdAt.getTime() }), createdAt, createdAt],
        );
    },
  );
}

it('when orders wait for longer than the default deadline, but not than this shop’s, then the console finds none past it', async () => {
  await placePending(new Date(Date.now() - 40_000));
  const begun = expectStatus(await ops.request<AuditState>('POST', '/ops/audit', { body: { since: '15m' } }), 202).body;
  const { verdict } = await eventually(
    'the verdict',
    async () => {
      await sleep(500);
      const { body } = await ops.request<AuditState>('GET', `/ops/audit/${begun.auditId}`);
      return body.state !== 'RUNNING' && body;
    },
    { withinMs: 60_000 },
  );
  expect(verdict?.orders).toBe(ORDERS);
  expect(verdict?.violations.map(({ name }) => name)).not.toContain('pending-within-deadline');
}, 90_000);
