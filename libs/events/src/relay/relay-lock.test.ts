import { expect, it } from '@jest/globals';
import type { Database, DedicatedConnection } from '@shop/chassis';
import { createSqlRelayLock } from './relay-lock.ts';

/** A server as far as a lock asks it. A ping waits for `answer`; it fails where that rejects, or its session ended. */
function createServer() {
  const open = new Set<number>();
  const world = { opened: 0, answer: Promise.resolve(), holder: undefined as number | undefined };
  const database = {
    schema: 'shop_test',
    async dedicatedConnection(): Promise<DedicatedConnection> {
      world.opened += 1;
      const id = world.opened;
      open.add(id);
      await Promise.resolve();
      const ask = () => (open.has(id) ? Promise.resolve() : Promise.reject(new Error('the session has ended')));
      return {
        async query() {
          await ask();
          world.holder ??= id;
          return [{ got: world.holder === id ? 1 : 0 }] as never;
        },
        execute: () => Promise.reject(new Error('nothing is written')),
        ping: () => world.answer.then(ask),
        async end() {
          open.delete(id);
          if (world.holder === id) world.holder = undefined;
        },
      };
    },
  } as unknown as Database;
  return { database, world, open };
}

/** The lock trusts a check for two seconds. */
const untilProvenAnew = () => new Promise((resolve) => setTimeout(resolve, 2_050));

it('when a lock is asked for twice at once, then one session is opened for it', async () => {
  const { database, open } = createServer();
  const lock = createSqlRelayLock(database);
  expect(await Promise.all([lock.hold(), lock.hold()])).toEqual([true, true]);
  expect([...open]).toEqual([1]);
  await lock.release();
  expect([...open]).toEqual([]);
});

it('when its session is lost and two find it out, one after the other, then the new session stays', async () => {
  const { database, world, open } = createServer();
  const lock = createSqlRelayLock(database);
  await lock.hold();
  await untilProvenAnew();
  const [early, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  late.promise.catch(() => {});
  world.answer = early.promise;
  const first = lock.hold();
  world.answer = late.promise;
  const second = Promise.allSettled([lock.hold()]);
  early.reject(new Error('the session is lost'));
  await expect(first).rejects.toThrow('the session is lost');
  await lock.hold();
  late.reject(new Error('the session is lost'));
  await second;
  expect([await lock.hold(), [...open], world.opened]).toEqual([true, [2], 2]);
});

it('when a lock is released while it is asked for, then nothing is held', async () => {
  const { database, world, open } = createServer();
  const lock = createSqlRelayLock(database);
  const asked = lock.hold();
  await lock.release();
  await Promise.allSettled([asked]);
  expect([[...open], world.holder]).toEqual([[], undefined]);
});
