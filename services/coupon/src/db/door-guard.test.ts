import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { OutageError } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { createDoorGuard } from './door-guard.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const connected = () => Object.assign(new EventEmitter(), { status: 'ready' }) as unknown as Redis;

it("when the machine's clock is set back while Redis rests, then Redis is asked again after its rest", async () => {
  const guard = createDoorGuard(connected());
  await expect(guard.run(() => Promise.reject(new Error('timed out')))).rejects.toThrow('timed out');
  jest.setSystemTime(Date.now() - 3_600_000);
  jest.advanceTimersByTime(499);
  await expect(guard.run(async () => 'an answer')).rejects.toThrow(OutageError);
  jest.advanceTimersByTime(1);
  expect(await guard.run(async () => 'an answer')).toBe('an answer');
});
