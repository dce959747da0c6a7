import { type Metrics, OutageError } from '@shop/chassis';
import type { Redis } from 'ioredis';

/** Pause after a failed command, ms: while Redis hangs, no other request waits for its time-out. */
const REST_MS = 500;

/** Tracks whether Redis answers, and how often a write to it may have been lost. */
export interface DoorGuard {
  /** See `Door`. */
  readonly generation: number;
  /** Runs commands. Fails at once while Redis rests, and only with OutageError. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Called before a write. While Redis rests, the write is lost there, so the generation rises. */
  willWrite(): void;
}

/** @param now ms since any moment; by default a clock that is never set back */
export function createDoorGuard(
  redis: Redis,
  metrics?: Metrics,
  now: () => number = () => performance.now(),
): DoorGuard {
  const available = metrics?.gauge(
    'coupon_door_available',
    '1 while Redis answers, 0 while coupons are issued without it',
  );
  available?.set(1);
  let restUntil = 0;
  let generation = 0;
  let connected = redis.status === 'ready';
  redis.on('ready', () => {
    if (connected) generation++;
    connected = true;
  });

  return {
    get generation() {
      return generation;
    },
    async run(work) {
      if (now() < restUntil) throw new OutageError('redis is away');
      try {
        const result = await work();
        available?.set(1);
        return result;
      } catch (error) {
        available?.set(0);
        restUntil = now() + REST_MS;
        generation++;
        throw new OutageError(`redis is away: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    willWrite() {
      if (now() < restUntil) generation++;
    },
  };
}
