import { expect, it } from '@jest/globals';
import { createLogger } from '@shop/chassis';
import type { Verdict } from '../audit/verdict.ts';
import type { Ask } from './gateway.ts';
import { createRushes, type Rush, type RushDeps, type RushState } from './rushes.ts';

const CLEAN: Verdict = {
  clean: true,
  state: 'HOLDS',
  unchecked: [],
  notMade: [],
  violations: [],
  checks: 1,
  notes: [],
  orders: 1,
  records: 1,
  durationMs: 1,
};
const WISH = { buyers: 3, quantity: 1 };

/** A shop that sells to every buyer. */
const sells: Ask = async ({ path }) => ({
  status: path === '/orders' ? 201 : 200,
  body: path === '/orders' ? { status: 'COMPLETED', orderId: 'o' } : { token: 't', couponId: 'c', status: 'ISSUED' },
  retryAfter: undefined,
});

/** A shop that never answers an order. */
const hangs: Ask = (request, signal) =>
  request.path === '/orders'
    ? new Promise((_, reject) => void signal.addEventListener('abort', () => reject(signal.reason)))
    : sells(request, signal);

function rushesOf(ask: Ask, change: Partial<RushDeps> = {}) {
  const clients = { open: 0, closed: 0 };
  let id = 0;
  const rushes = createRushes({
    openClient: () => {
      clients.open++;
      return { ask, close: async () => void clients.closed++ };
    },
    prepare: async ({ buyers, quantity }, rushId) => ({
      ...{ rushId, productId: 1, couponPolicyId: 1, quantity, startedAt: 0 },
      buyers: Array.from({ length: buyers }, (_, index) => index + 1),
    }),
    audits: { inTurn: async () => CLEAN },
    newId: () => `rush-${++id}`,
    clock: () => performance.now(),
    logger: createLogger({ service: 'ops-console', level: 'silent' }),
    ...change,
  });
  return { rushes, clients };
}

function end(rush: Rush | undefined): Promise<RushState> {
  return new Promise((resolve, reject) => {
    if (!rush) return reject(new Error('there is no such rush'));
    const look = () => {
      const last = rush.history.at(-1);
      if (last?.done) resolve(last);
    };
    rush.onChange(look);
    look();
  });
}

it('when all buyers have bought, then the audit follows, and its verdict ends the rush', async () => {
  const { rushes, clients } = rushesOf(sells);
  const begun = await rushes.start(WISH);
  expect(begun).toMatchObject({ phase: 'BUYING', done: false, ended: 0 });
  expect(await end(rushes.find(begun.rushId))).toMatchObject({
    phase: 'DONE',
    orders: { completed: 3 },
    audit: { clean: true },
  });
  await rushes.stop();
  expect(clients).toEqual({ open: 1, closed: 1 });
});

it('when a rush is being prepared or running, then another is refused with its id', async () => {
  const { rushes } = rushesOf(hangs);
  const first = rushes.start(WISH);
  await expect(rushes.start(WISH)).rejects.toMatchObject({ code: 'RUSH_RUNNING', extra: { rushId: 'rush-1' } });
  await first;
  await expect(rushes.start(WISH)).rejects.toMatchObject({ code: 'RUSH_RUNNING' });
  await rushes.stop();
});

it('when a rush fails in preparation, then a start that came meanwhile begins its own', async () => {
  const failing = Promise.withResolvers<never>();
  let tries = 0;
  const { rushes } = rushesOf(sells, {
    prepare: async (_, rushId) => {
      if (++tries === 1) return failing.promise;
      return { ...{ rushId, productId: 1, couponPolicyId: 1, quantity: 1, startedAt: 0 }, buyers: [1] };
    },
  });
  const first = rushes.start(WISH);
  const others = [rushes.start(WISH), rushes.start(WISH)];
  failing.reject(new Error('no product'));
  await expect(first).rejects.toThrow('no product');
  const ends = await Promise.allSettled(others);
  expect(ends).toMatchObject([
    { status: 'fulfilled', value: { rushId: 'rush-2' } },
    { status: 'rejected', reason: { code: 'RUSH_RUNNING', extra: { rushId: 'rush-2' } } },
  ]);
  await rushes.stop();
});

it('when a rush cannot be prepared, then it says why, leaves nothing open, and blocks no other', async () => {
  const { rushes, clients } = rushesOf(sells, { prepare: () => Promise.reject(new Error('no product')) });
  for (let i = 0; i < 2; i++) await expect(rushes.start(WISH)).rejects.toThrow('no product');
  expect(clients).toEqual({ open: 2, closed: 2 });
});

it('when the time is over, then no buyer begins, active ones are aborted, and the audit follows all the same', async () => {
  const { rushes } = rushesOf(hangs, { limits: { buyersAtOnce: 2, longestMs: 100 } });
  const { rushId } = await rushes.start(WISH);
  expect(await end(rushes.find(rushId))).toMatchObject({
    phase: 'DONE',
    ended: 0,
    orders: { pending: 2 },
    audit: { clean: true },
  });
});

it('when the console stops, then the rush is aborted, and no other begins', async () => {
  const stopped = new AbortController();
  const audits = {
    inTurn: () => (stopped.signal.aborted ? Promise.reject(new Error('broken off')) : Promise.resolve(CLEAN)),
  };
  const { rushes, clients } = rushesOf(hangs, { audits });
  const { rushId } = await rushes.start(WISH);
  stopped.abort();
  await rushes.stop();
  expect(rushes.find(rushId)?.history.at(-1)).toMatchObject({ phase: 'FAILED', done: true, error: 'broken off' });
  expect(clients).toEqual({ open: 1, closed: 1 });
  await expect(rushes.start(WISH)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

it('when the audit fails, then the counts stay and the rush says why', async () => {
  const { rushes } = rushesOf(sells, { audits: { inTurn: () => Promise.reject(new Error('Kafka is away')) } });
  const { rushId } = await rushes.start(WISH);
  expect(await end(rushes.find(rushId))).toMatchObject({
    phase: 'FAILED',
    orders: { completed: 3 },
    error: 'Kafka is away',
  });
});
