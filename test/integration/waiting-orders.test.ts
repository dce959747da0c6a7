import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, nextUserId } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type System, sharedSystem } from '../support/system.ts';

/** ORDER_DEADLINE_MS, s. */
const DEADLINE = 30;
const PENNILESS = 8;
/** Orders that each penniless user keeps under way. */
const AT_ONCE = 4;

let system: System;
let api: System['api'];

beforeAll(async () => {
  system = await sharedSystem();
  api = system.api;
}, 120_000);

afterAll(() => expectCleanAudit(system), 60_000);

describe('a sale while users who cannot pay hammer it', () => {
  it('when fifty can pay for the fifty pieces, then each of them gets one within the deadline', async () => {
    const productId = await api.newProduct(1_000, 50);
    const paying = await Promise.all(Array.from({ length: 50 }, () => api.newUser(1_000)));
    const penniless = Array.from({ length: PENNILESS }, () => nextUserId());
    let isOver = false;
    const codes: (string | undefined)[] = [];
    const holding = Promise.withResolvers<void>();
    const hammer = async (userId: number): Promise<void> => {
      while (!isOver) {
        const { body } = await api.placeOrder(userId, [[productId, 10]], { wait: DEADLINE });
        codes.push(body.code);
        if (body.code === 'INSUFFICIENT_BALANCE') holding.resolve();
      }
    };
    const hammering = penniless.flatMap((userId) => Array.from({ length: AT_ONCE }, () => hammer(userId)));
    await holding.promise;

    const began = Date.now();
    const orders = await Promise.all(
      paying.map(async (userId) => {
        const { status } = await api.placeOrder(userId, [[productId, 1]], { wait: DEADLINE });
        return { status, isInTime: Date.now() - began < DEADLINE * 1_000 };
      }),
    );
    isOver = true;
    await Promise.all(hammering);
    expect(orders).toEqual(paying.map(() => ({ status: 201, isInTime: true })));
    expect(await api.stock(productId)).toBe(0);
    // They were let in, held pieces and gave them back all the while.
    expect(codes.filter((code) => code === 'INSUFFICIENT_BALANCE').length).toBeGreaterThan(0);
  });

  it('when one user wants more at once than may be held unpaid, then it is refused; in several orders all complete', async () => {
    const productId = await api.newProduct(10, 60);
    const userId = await api.newUser(1_000);
    const refused = expectStatus(await api.placeOrder(userId, [[productId, 21]], { wait: DEADLINE }), 409);
    expect(refused.body.code).toBe('QUANTITY_ABOVE_LIMIT');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => api.placeOrder(userId, [[productId, 12]], { wait: DEADLINE })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(await api.stock(productId)).toBe(0);
  });
});
