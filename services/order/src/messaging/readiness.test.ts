import { expect, it } from '@jest/globals';
import { createReadiness } from './readiness.ts';

it('when messaging is ready, then so is the process, and a wait for it ends', async () => {
  const ready = Promise.withResolvers<void>();
  const readiness = createReadiness({ ready: () => ready.promise });
  const waited = readiness.within(60_000);
  expect(readiness.isReady()).toBe(false);
  ready.resolve();
  await waited;
  expect(readiness.isReady()).toBe(true);
});

it('when messaging does not become ready, then a wait for it ends all the same', async () => {
  const never = createReadiness({ ready: () => new Promise(() => undefined) });
  await never.within(1);
  expect(never.isReady()).toBe(false);

  const broken = createReadiness({ ready: () => Promise.reject(new Error('a schema is not as it must be')) });
  await broken.within(60_000);
  expect(broken.isReady()).toBe(false);
});
