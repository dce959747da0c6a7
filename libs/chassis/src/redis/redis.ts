import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { connectionFault, type RedisServer, verifiedTls } from '../connections/index.ts';

type Settings = Omit<RedisOptions, 'replyMapping'>;

/**
 * A client that never delays a start and never queues: while Redis is away, commands reject at once, and the client
 * reconnects by itself, through Sentinels to the present master. The beginning and the end of an outage are logged once
 * each, and so is each reason why the server does not let us in. A Redis Cluster is refused: the client stays away, and
 * the log says why.
 * @param server its URL, or more than that
 * @param commandTimeoutMs longest wait for an answer, ms; default 2,000
 */
export function createRedis(
  server: string | RedisServer,
  logger: Logger,
  { commandTimeoutMs = 2_000 }: { readonly commandTimeoutMs?: number } = {},
): Redis {
  const settings = typeof server === 'string' ? { url: server } : server;
  const pause = (attempt: number): number => Math.min(100 * attempt, 1_000) * (0.8 + Math.random() * 0.4);
  const options: Settings = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: commandTimeoutMs,
    // A Sentinel that hangs is passed over; without this it would be waited for, for ever.
    sentinelCommandTimeout: 2_000,
    autoResubscribe: true,
    retryStrategy: pause,
    sentinelRetryStrategy: pause,
    // The server became a replica: a new connection finds the present master. The command itself fails, as in an
    // outage: whoever sent it knows what to do then.
    reconnectOnError: (error) => (/READONLY/.test(error.message) ? 1 : false),
  };
  const redis = new Redis({ ...options, ...destination(settings) });
  comeBack(redis);
  tellOutages(redis, settings, logger);
  refuseCluster(redis, logger);
  return redis;
}

/** Where the client connects to, and how. */
function destination({ url, tls, sentinel }: RedisServer): Settings {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const withTls = protocol === 'rediss:';
  const common: Settings = {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    db: Number(pathname.slice(1) || 0),
  };
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!sentinel) {
    const named = isIP(host) ? {} : { servername: host };
    return { ...common, host, port: Number(port || 6379), ...(withTls && { tls: { ...verifiedTls(tls), ...named } }) };
  }
  return {
    ...common,
    sentinels: sentinel.addresses.map((address) => {
      const { hostname: of, port: at } = new URL(`redis://${address}`);
      return { host: of.replace(/^\[|\]$/g, ''), port: Number(at) };
    }),
    name: sentinel.master,
    // A failover is heard of from the Sentinels, also while the former master still answers.
    failoverDetector: true,
    ...(sentinel.username && { sentinelUsername: sentinel.username }),
    ...(sentinel.password && { sentinelPassword: sentinel.password }),
    ...(withTls && { tls: verifiedTls(tls), sentinelTLS: verifiedTls(tls), enableTLSForSentinelMode: true }),
  };
}

/** Clients that have ended because they were told to. */
const ended = new WeakSet<Redis>();

/**
 * When a failover is told while a Sentinel is being asked for the master, ioredis 5 ends the client for good (its
 * `connect` has no further attempt after the connector's "Connection is closed."). An end that nobody asked for is
 * therefore a beginning.
 */
function comeBack(redis: Redis): void {
  let before: 'connecting' | 'close' | undefined;
  const isAskedFor = () => (redis as unknown as { readonly manuallyClosing: boolean }).manuallyClosing;
  redis.on('connecting', () => {
    before = 'connecting';
  });
  redis.on('close', () => {
    before = 'close';
  });
  redis.on('end', () => {
    // A connection that closes ends the client only if it was told to; ioredis has forgotten that by now.
    if (before === 'close' || isAskedFor()) {
      ended.add(redis);
      return;
    }
    setTimeout(() => {
      if (redis.status === 'end' && !isAskedFor()) redis.connect().catch(() => undefined);
    }, 100).unref();
  });
}

function tellOutages(redis: Redis, { url, sentinel }: RedisServer, logger: Logger): void {
  const address = sentinel ? `the master ${sentinel.master} of ${sentinel.addresses.join(', ')}` : new URL(url).host;
  let away = false;
  let told: string | undefined;
  redis.on('error', (error: Error) => {
    const reason = connectionFault('REDIS', address, error);
    // A reason may come later, e.g. the wrong password of a server that was away before.
    if (!away || (reason && reason !== told)) logger.warn({ err: { message: error.message }, reason }, 'redis is away');
    away = true;
    told = reason ?? told;
  });
  redis.on('ready', () => {
    if (away) logger.info('redis is back');
    away = false;
    told = undefined;
  });
}

/**
 * A key of a Cluster may be on another node, and this client speaks to one. A server that does not tell whether it is
 * of a Cluster, because the user may not ask, is believed to be none.
 */
function refuseCluster(redis: Redis, logger: Logger): void {
  redis.on('ready', () => {
    redis.info('cluster').then(
      (text) => {
        if (!/^cluster_enabled:1/m.test(text)) return;
        logger.fatal('REDIS_URL leads to a Redis Cluster: the shop needs one master, with Sentinels if it must move');
        redis.disconnect();
      },
      () => undefined,
    );
  });
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
  comeBack(subscriber);
  // A client that has ended for good, e.g. because the server is of a Cluster, takes this one with it.
  redis.on('end', () => {
    if (ended.has(redis)) subscriber.disconnect();
  });
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
