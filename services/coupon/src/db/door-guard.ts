import { type Metrics, OutageError } from '@shop/chassis';
import type { Redis } from 'ioredis';

/** After a command failed Redis is left alone for so long, ms: while it hangs, nobody else waits for its time-out. */
const REST_MS = 500;

/** Whether Redis answers, and how often something that was written there may have been lost. */
export interface DoorGuard {
  /** See `Door`. */
  readonly generation: number;
  /** Runs commands. Fails at once while Redis rests, and always with OutageError. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** To be called before a write: while Redis rests, what is not written is missing there, and the generation rises. */
  willWrite(): void;
}

export function createDoorGuard(redis: Redis, now: () => number, metrics: Metrics | undefined): DoorGuard {
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
