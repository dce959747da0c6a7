import { expect, it } from '@jest/globals';
import { DomainError } from '@shop/service';
import { createAdmission } from './admission.ts';

it('when the oldest pending order nears its deadline, then new ones are refused until it is over', () => {
  const now = new Date('2026-01-01T00:01:00.000Z');
  const admission = createAdmission({
    ready: () => true,
    deadlineMs: 30_000,
    share: 0.6,
    clock: () => now,
  });
  const age = (ms: number | null) => admission.measured(ms === null ? null : new Date(now.getTime() - ms));

  expect(() => admission.check()).not.toThrow();
  age(18_000);
  expect(() => admission.check()).not.toThrow();
  age(18_001);
  expect(() => admission.check()).toThrow(DomainError);
  age(60_000);
  expect(() => admission.check()).toThrow(expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }));
  age(null);
  expect(() => admission.check()).not.toThrow();
});

it('when the process is not ready, then nothing is taken', () => {
  let ready = false;
  const options = {
    deadlineMs: 30_000,
    share: 0.6,
    clock: () => new Date(),
  };
  const admission = createAdmission({ ...options, ready: () => ready });
  expect(() => admission.check()).toThrow(expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }));
  expect(() => admission.checkReady()).toThrow(DomainError);
  ready = true;
  expect(() => admission.check()).not.toThrow();
});
