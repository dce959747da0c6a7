import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { policyOf } from '../../test/examples.ts';
import type { Policy } from '../domain/policy.ts';
import { createPolicies } from './policies.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it('when the database is away, then only the first request waits for it, and it is asked once a second', async () => {
  const policy = policyOf();
  let reads = 0;
  let read = async () => policy;
  const policies = createPolicies(() => {
    reads++;
    return read();
  });
  await policies.find(1);
  jest.advanceTimersByTime(1_000);
  read = () => Promise.reject(new Error('the database is away'));
  expect(await policies.find(1)).toBe(policy);
  for (let n = 1; n <= 4; n++) expect(policies.find(1)).toBe(policy);
  expect(reads).toBe(2);

  jest.advanceTimersByTime(1_000);
  const hangs = Promise.withResolvers<Policy>();
  read = () => hangs.promise;
  for (let n = 1; n <= 4; n++) expect(policies.find(1)).toBe(policy);
  expect(reads).toBe(3);

  const ended = policyOf({ endedAt: new Date() });
  hangs.resolve(ended);
  await jest.advanceTimersByTimeAsync(0);
  expect(policies.find(1)).toBe(ended);
});

it('when a policy is to be read again while a read fails, then its last state is not taken for fresh', async () => {
  const fails = Promise.withResolvers<Policy>();
  const reads = [Promise.resolve(policyOf()), fails.promise, Promise.resolve(policyOf({ endedAt: new Date() }))];
  const policies = createPolicies(() => reads.shift() ?? Promise.reject(new Error('one read too many')));
  await policies.find(1);
  jest.advanceTimersByTime(1_000);
  const failing = policies.find(1);
  policies.forget(1);
  fails.reject(new Error('the database is away'));
  expect(await failing).toMatchObject({ endedAt: null });
  expect((await policies.find(1))?.endedAt).not.toBeNull();
});

it("when the machine's clock is set back, then a new policy shows within a second all the same", async () => {
  let policy: Policy | undefined;
  const policies = createPolicies(async () => policy);
  expect(await policies.find(1)).toBeUndefined();
  policy = policyOf();
  jest.setSystemTime(Date.now() - 3_600_000);
  jest.advanceTimersByTime(999);
  expect(await policies.find(1)).toBeUndefined();
  jest.advanceTimersByTime(1);
  expect(await policies.find(1)).toBe(policy);
});
