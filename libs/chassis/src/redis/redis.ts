import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/**
 * A client that never holds up a start and never queues: while Redis is away commands reject at once, and it connects
 * again by itself. An outage is logged once, and its end once.
 * @param commandTimeoutMs longest wait for an answer, ms; default 2,000
 */
export function createRedis(
  url: string,
  logger: Logger,
  { commandTimeoutMs = 2_000 }: { readonly commandTimeoutMs?: number } = {},
): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: commandTimeoutMs,
    autoResubscribe: true,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000) * (0.8 + Math.random() * 0.4),
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) logger.warn({ err: { message: error.message } }, 'redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.info('redis is back');
    away = false;
  });
  return redis;
}

export interface WakeHints {
  /** Tells the other instances that there is work. Fire and forget: a hint that is lost costs one poll. */
  publish(): void;
  /** Called for every hint, those of this process included. */
  onWake(listener: () => void): void;
  /** Whether hints of others arrive now. */
  readonly listening: boolean;
  close(): Promise<void>;
}

/**
 * Hints between instances over Redis pub/sub, e.g. to wake the relay that holds the lock. Never the only way to learn
 * of work.
 */
export function createWakeHints({ redis, channel }: { readonly redis: Redis; readonly channel: string }): WakeHints {
  const listeners: (() => void)[] = [];
  // A connection that subscribes can do nothing else.
  const subscriber = redis.duplicate();
  subscriber.on('error', () => undefined);
  let subscribed = false;
  subscriber.on('close', () => {
    subscribed = false;
  });
  subscriber.on('ready', () => {
    const done = () => {
      subscribed = subscriber.status === 'ready';
    };
    void subscriber.subscribe(channel).then(done, () => undefined);
  });
  subscriber.on('message', () => {
    for (const listener of listeners) listener();
  });
  let pending = false;
  return {
    publish() {
      // Many commits of one turn are one hint.
      if (pending) return;
      pending = true;
      setImmediate(() => {
        pending = false;
        if (redis.status === 'ready') redis.publish(channel, '').catch(() => undefined);
      });
    },
    onWake: (listener) => void listeners.push(listener),
    get listening() {
      return subscribed;
    },
    async close() {
      subscriber.disconnect();
      await Promise.resolve();
    },
  };
}
