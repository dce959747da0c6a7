import { Redis } from 'ioredis';
import { describe } from './errors.ts';
import type { Logger } from './runtime.ts';

/** Tells the process that relays a schema that another one has committed something. Only saves the time of a poll. */
export interface RelayHint {
  /** Called after a commit in a process that does not relay. Never throws, never waits. */
  send(): void;
  stop(): Promise<void>;
}

/** Hints through Redis publish/subscribe. With Redis away nothing is lost: the relay polls. */
export function createRedisHint(url: string, schema: string, logger: Logger, onHint: () => void): RelayHint {
  const channel = `outbox:${schema}`;
  const options = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (n: number) => Math.min(n * 100, 2_000),
  };
  const publisher = new Redis(url, options);
  const subscriber = new Redis(url, { ...options, enableOfflineQueue: true, maxRetriesPerRequest: null });
  let away = false;
  let scheduled = false;

  const onError = (error: unknown): void => {
    if (!away) logger.warn({ error: describe(error) }, 'no hints through Redis for now: relays poll');
    away = true;
  };
  publisher.on('error', onError);
  subscriber.on('error', onError);
  publisher.on('ready', () => {
    away = false;
  });
  subscriber.on('message', onHint);
  subscriber.subscribe(channel).catch(onError);

  return {
    send() {
      if (scheduled) return;
      scheduled = true;
      // Commits of the same turn share a hint.
      setImmediate(() => {
        scheduled = false;
        publisher.publish(channel, '').catch(onError);
      });
    },
    async stop() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
