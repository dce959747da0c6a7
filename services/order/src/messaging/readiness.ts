import { setTimeout as sleep } from 'node:timers/promises';
import type { Messaging } from '@shop/events';

interface Readiness {
  /** Whether this process can publish and consume events yet. */
  isReady(): boolean;
  /** Resolves once messaging is ready, and at the latest after `ms`. */
  within(ms: number): Promise<void>;
}

/** Call it after every subscription: messaging is ready once all of them have joined. */
export function createReadiness(messaging: Pick<Messaging, 'ready'>): Readiness {
  let isReady = false;
  const settled = messaging.ready().then(
    () => {
      isReady = true;
    },
    () => undefined, // Messaging has ended the process.
  );
  return {
    isReady: () => isReady,
    within: (ms) => Promise.race([settled, sleep(ms, undefined, { ref: false })]),
  };
}
