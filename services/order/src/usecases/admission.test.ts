import { expect, it } from '@jest/globals';
import { DomainError } from '@shop/chassis';
import { createBacklog } from '../domain/backlog.ts';
import { type AdmissionRefusal, countBegun, createAdmission } from './admission.ts';

const DEADLINE_MS = 30_000;
const ORDER_ID = '0199c0de-0000-7000-8000-000000000001';

function admissionAt(now: () => Date, { ready = (): boolean => true, floor = 500, random = 0 } = {}) {
  const reasons: AdmissionRefusal[] = [];
  const admission = createAdmission({
    ready,
    deadlineMs: DEADLINE_MS,
    share: 0.6,
    nowMs: () => now().getTime(),
    backlog: createBacklog({ targetMs: 3_000, floor }),
    random: () => random,
    refused: (reason) => reasons.push(reason),
  });
  return { admission, reasons };
}

function refusalOf(check: () => void): DomainError {
  try {
    check();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

it('when the oldest pending order nears its deadline, then new ones are refused until it has ended', async () => {
  const now = new Date('2026-01-01T00:01:00.000Z');
  const { admission, reasons } = admissionAt(() => now);
  const age = (ms: number | null) =>
    admission.measure(async () => ({
      // Some orders end, so the saga is not stalled.
      ended: 1_000,
      newest: [],
      pending: ms === null ? 0 : 1,
      oldest: ms === null ? null : new Date(now.getTime() - ms),
    }));

  expect(() => admission.check()).not.toThrow();
  await age(18_000);
  await age(18_000);
  expect(() => admission.check()).not.toThrow();
  await age(18_001);
  expect(() => admission.check()).toThrow(DomainError);
  await age(60_000);
  expect(() => admission.check()).toThrow(expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }));
  await age(null);
  expect(() => admission.check()).not.toThrow();
  expect(reasons).toEqual(['oldest', 'oldest']);
});

it('when the process is not ready, then no order is accepted', () => {
  let ready = false;
  const { admission, reasons } = admissionAt(() => new Date(), { ready: () => ready });
  expect(() => admission.check()).toThrow(expect.objectContaining({ code: 'SERVICE_UNAVAILABLE' }));
  expect(() => admission.checkReady()).toThrow(DomainError);
  expect(reasons).toEqual(['starting', 'starting']);
  ready = true;
  expect(() => admission.check()).not.toThrow();
});

it('when more is pending than ends within the target, then Retry-After tells when that is over, and grows with the refusals', async () => {
  let time = 0;
  const read = { pending: 900, oldest: null, ended: 50, newest: [] };
  const measure = (admission: ReturnType<typeof createAdmission>) => {
    time += 500;
    return admission.measure(async () => read);
  };
  for (const { random, first, crowded } of [
    { random: 0, first: 4, crowded: 8 },
    { random: 1, first: 7, crowded: 15 },
  ]) {
    const { admission, reasons } = admissionAt(() => new Date(time), { floor: 10, random });
    await measure(admission);
    await measure(admission);
    // 100 a second end: 300 may be pending, 900 are.
    expect(refusalOf(admission.check).extra.retryAfterSeconds).toBe(first);
    for (let i = 0; i < 40; i++) refusalOf(admission.check);
    await measure(admission);
    expect(refusalOf(admission.check).extra.retryAfterSeconds).toBe(crowded);
    expect(new Set(reasons)).toEqual(new Set(['backlog']));
  }
});

it('when no order ends, then orders are refused until one does', async () => {
  let time = 100_000;
  const { admission, reasons } = admissionAt(() => new Date(time));
  const measure = (pending: number, oldestMs: number, ended: number) => {
    time += 500;
    return admission.measure(async () => ({ pending, oldest: new Date(time - oldestMs), ended, newest: [] }));
  };
  await measure(30, 5_900, 0);
  await measure(30, 6_000, 0);
  expect(() => admission.check()).not.toThrow();
  await measure(30, 6_500, 0);
  expect(refusalOf(admission.check).extra.retryAfterSeconds).toBeGreaterThan(2);
  expect(reasons).toEqual(['stalled']);
  await measure(10, 300, 20);
  expect(() => admission.check()).not.toThrow();
});

it('when a reading fails, then the last one counts', async () => {
  const { admission } = admissionAt(() => new Date(0), { floor: 1 });
  admission.begin();
  await expect(admission.measure(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(() => admission.check()).toThrow(DomainError);
});

it('when a request is a repeat or fails, then it takes no room; when it is placed, then it does', async () => {
  const { admission } = admissionAt(() => new Date(0), { floor: 1 });
  await countBegun(admission, Promise.resolve({ orderId: ORDER_ID, replayed: true }));
  expect(() => admission.check()).not.toThrow();
  await expect(countBegun(admission, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(() => admission.check()).not.toThrow();
  await countBegun(admission, Promise.resolve({ orderId: ORDER_ID, replayed: false, order: {} as never }));
  expect(() => admission.check()).toThrow(DomainError);
});
