import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { PATIENT } from '../support/patient.ts';
import { type System, startSystem } from '../support/system.ts';

/** Short, so that orders die of it within the test. */
const DEADLINE_MS = 6_000;
/** An order is late from twice this on. */
const TARGET_MS = 1_000;
/** Few enough that fewer than 20 are ever PENDING: no backlog, and no rate. */
const EVERY_MS = 500;
const STALL_MS = 5 * DEADLINE_MS;

let system: System;
let api: System['api'];

beforeAll(async () => {
  const stalls = { ORDER_DEADLINE_MS: String(DEADLINE_MS), ORDER_BACKLOG_TARGET_MS: String(TARGET_MS) };
  // Refusals are for the saga alone, however slow the machine.
  const env = { ...PATIENT, ...stalls, ORDER_BACKLOG_FLOOR: '500' };
  system = await startSystem({ env });
  api = system.api;
}, 120_000);

afterAll(() => system?.stop(), 30_000);

it('when payment stands still for many deadlines and few orders come, then they are refused at once, but for a probe now and then, also by an instance that has just started', async () => {
  const [userId, productId] = await Promise.all([api.newUser(1_000_000), api.newProduct(100, 50_000)]);
  const place = () => api.placeOrder(userId, [[productId, 1]], { once: true });
  expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
  const answers: { at: number; status: number; retryAfter: number }[] = [];
  const { pid } = system.process('payment');
  process.kill(pid, 'SIGSTOP');
  try {
    const from = performance.now();
    let restarted = false;
    while (performance.now() - from < STALL_MS) {
      const answer = await place();
      const at = performance.now() - from;
      answers.push({ at, status: answer.status, retryAfter: Number(answer.headers.get('retry-after') ?? 0) });
      await sleep(EVERY_MS);
      if (restarted || at < STALL_MS / 2) continue;
      restarted = true;
      await system.process('order').kill9();
      await system.start('order');
    }
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const accepted = answers.filter(({ status }) => status === 202);
  // Those until three were late, and then no more than one a deadline.
  const begun = accepted.filter(({ at }) => at < DEADLINE_MS).length;
  expect(begun).toBeLessThan((4 * TARGET_MS) / EVERY_MS + 3);
  expect(accepted.length - begun).toBeLessThanOrEqual(STALL_MS / DEADLINE_MS);
  const refused = answers.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(accepted.length);
  for (const { retryAfter } of refused) expect(retryAfter).toBeGreaterThan(0);

  // It heals by itself: a probe goes through, and with it the door opens.
  await eventually(
    'an order to complete',
    async () => {
      const answer = await api.placeOrder(userId, [[productId, 1]], { wait: 10 });
      return answer.status === 201;
    },
    { withinMs: 30_000 },
  );
  for (let n = 0; n < 5; n++) expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
  await expectCleanAudit(system);
}, 120_000);
