import { oneAtATime } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { used, type Window, type WindowCounts } from './window-counts.ts';

/** Interval of sending counts to Redis, ms. */
const EVERY_MS = 100;
/** Most keys of one script call: Redis does nothing else during a script, and coupons wait for it. */
const KEYS_A_CALL = 200;

/**
 * Adds this instance's count of each key, and returns the count of all instances and the rest of the key's window (ms).
 * A window begins with the first instance that reports it.
 */
const ADD = `
local answer = {}
for i, key in ipairs(KEYS) do
  answer[2 * i - 1] = redis.call('INCRBY', key, ARGV[2 * i - 1])
  local left = redis.call('PTTL', key)
  if left < 0 then
    left = tonumber(ARGV[2 * i])
    redis.call('PEXPIRE', key, left)
  end
  answer[2 * i] = left
end
return answer`;

export interface SharedCounts {
  /** Sends changed counts to Redis and gets those of all instances; settles when that is done or has failed. */
  exchange(): Promise<void>;
  stop(): void;
}

export interface ShareOptions {
  readonly redis: Redis;
  /** Counts by the policy's name, which is part of the keys. */
  readonly counts: Readonly<Record<string, WindowCounts>>;
  /** ms; the clock of the counts. */
  readonly now?: () => number;
  /** Called after each exchange: true if Redis took part. */
  readonly exchanged?: (common: boolean) => void;
}

/**
 * Shares the counts of all instances every 100 ms, with one pipeline for all changes. Requests do not wait for it.
 * While Redis is away each instance uses its own counts, and sends them when Redis is back.
 */
export function shareCounts({
  redis,
  counts,
  now = () => performance.now(),
  exchanged = () => undefined,
}: ShareOptions): SharedCounts {
  async function exchange(): Promise<void> {
    if (redis.status !== 'ready') {
      exchanged(false);
      return;
    }
    const calls = Object.entries(counts).flatMap(([policy, of]) =>
      slices(of.changed(), KEYS_A_CALL).map((windows) => ({ policy, windows })),
    );
    if (calls.length === 0) {
      exchanged(true);
      return;
    }
    const pipeline = redis.pipeline();
    for (const { policy, windows } of calls) {
      for (const window of windows) {
        window.sent = window.own;
        window.own = 0;
      }
      const keys = windows.map((window) => `rate:${policy}:${window.key}`);
      const args = windows.flatMap((window) => [window.sent, Math.max(1, Math.round(window.endsAt - now()))]);
      pipeline.eval(ADD, keys.length, ...keys, ...args);
    }
    const results = await pipeline.exec().catch(() => null);
    let common = true;
    for (const [index, { windows }] of calls.entries()) {
      const [error, answer] = results?.[index] ?? [new Error('no answer'), undefined];
      if (error) common = false;
      for (const [i, window] of windows.entries()) {
        if (error) keepOwn(window);
        else takeOver(window, (answer as number[]).slice(2 * i, 2 * i + 2), now());
      }
    }
    exchanged(common);
  }

  // Never two at once: a slow Redis gets larger exchanges instead.
  const exchangeOnce = oneAtATime(exchange);
  const timer = setInterval(() => void exchangeOnce(), EVERY_MS).unref();
  return { exchange: exchangeOnce, stop: () => clearInterval(timer) };
}

function takeOver(window: Window, [total = 0, left = 0]: readonly number[], now: number): void {
  window.common = total;
  window.sent = 0;
  window.endsAt = now + left;
}

/** It is unknown whether Redis counted these requests. They stay counted here and are not sent again. */
function keepOwn(window: Window): void {
  window.common = used(window) - window.own;
  window.sent = 0;
}

function slices<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
