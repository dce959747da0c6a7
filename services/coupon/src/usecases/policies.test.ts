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
