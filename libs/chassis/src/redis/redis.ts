import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/**
 * A client that never delays a start and never queues: while Redis is away, commands reject at once, and the client
 * reconnects by itself. The beginning and the end of an outage are logged once each.
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
  /** Tells the other instances that there is work. Fire and forget: a lost hint costs one poll. */
  publish(): void;
  /** Calls `listener` for every hint, this process's own included. */
  onWake(listener: () => void): void;
  /** Whether hints of other instances arrive at present. */
  readonly listening: boolean;
  close(): Promise<void>;
}

/**
 * Hints between instances over Redis pub/sub, e.g. to wake the relay that holds the lock. Work is always also found
 * without a hint.
 */
export function createWakeHints({ redis, channel }: { readonly redis: Redis; readonly channel: string }): WakeHints {
  const listeners: (() => void)[] = [];
  // A separate connection: once subscribed it can do nothing else.
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
      // Many commits of one turn give one hint.
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
