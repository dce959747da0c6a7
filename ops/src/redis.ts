import { connectionFault, createLogger, createRedis } from '@shop/chassis';
import { access } from './access.ts';
import { type DoorReader, DoorUnreadableError } from './audit/door.ts';
import { SetsUnreadableError, type SortedSet, type SortedSets } from './audit/sorted-sets.ts';

/** Reads Redis for the tools. */
export interface RedisReader extends SortedSets, DoorReader {
  close(): void;
}

/** Longest wait for a connection, ms: by TLS through Sentinels it is three of them, one after the other. */
const CONNECT_MS = 5_000;
const FIELDS_AT_ONCE = 1_000;

/** The state of a Redis server that decides whether the shop can use it. */
export interface RedisState {
  readonly version: string;
  readonly role: string;
  /** The policy when memory is full. `noeviction` loses nothing without a word. */
  readonly policy: string;
  /** Bytes used and the most that may be; 0: no limit. */
  readonly used: number;
  readonly most: number;
}

/** @throws in words when Redis does not answer in time */
export async function readRedisState(url: string): Promise<RedisState> {
  const redis = await connect(url);
  try {
    const text = await redis.info();
    const value = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
    return {
      version: value('redis_version'),
      role: value('role'),
      policy: value('maxmemory_policy'),
      used: Number(value('used_memory')),
      most: Number(value('maxmemory')),
    };
  } finally {
    redis.disconnect();
  }
}

/** Connects. @throws in words when Redis does not answer in time */
export async function openRedis(url: string): Promise<RedisReader> {
  const redis = await connect(url);
  return {
    async read(day) {
      const unreadable = (error: Error) => Promise.reject(new SetsUnreadableError(error.message, { cause: error }));
      const { generation, ...versions } = await redis.hgetall(`ranking:product:${day}:versions`).catch(unreadable);
      const entries = await redis.zrange(`ranking:product:${day}`, 0, '-1', 'WITHSCORES').catch(unreadable);
      const scores = new Map<number, number>();
      for (let i = 0; i < entries.length; i += 2) scores.set(Number(entries[i]), Number(entries[i + 1]));
      const set: SortedSet = {
        generation: generation === undefined ? undefined : Number(generation),
        versions: new Map(Object.entries(versions).map(([id, version]) => [Number(id), Number(version)])),
        scores,
      };
      return set;
    },
    total: async (couponPolicyId) => {
      const total = await ofDoor(redis.get(`coupon:{${couponPolicyId}}:total`));
      return total === null ? undefined : Number(total);
    },
    async holders(couponPolicyId) {
      const holders = new Map<number, string>();
      const key = `coupon:{${couponPolicyId}}:holders`;
      for (let cursor = '0'; ; ) {
        const [next, fields] = await ofDoor(redis.hscan(key, cursor, 'COUNT', FIELDS_AT_ONCE));
        for (let i = 0; i + 1 < fields.length; i += 2) holders.set(Number(fields[i]), fields[i + 1] ?? '');
        if (next === '0') return holders;
        cursor = next;
      }
    },
    close: () => redis.disconnect(),
  };
}

async function connect(url: string): Promise<ReturnType<typeof createRedis>> {
  const redis = createRedis({ ...access().redis, url }, createLogger({ service: 'ops', level: 'silent' }));
  let last: Error | undefined;
  redis.on('error', (error: Error) => {
    last = error;
  });
  try {
    await ready(redis, AbortSignal.timeout(CONNECT_MS));
    return redis;
  } catch {
    redis.disconnect();
    const { host } = new URL(url);
    const reason = last ? `: ${last.message}` : '';
    throw new Error(connectionFault('REDIS', host, last) ?? `Redis at ${host} cannot be reached${reason}`);
  }
}

/** Rejects when the time is over: until then the client tries again by itself. */
async function ready(redis: ReturnType<typeof createRedis>, signal: AbortSignal): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  await Promise.race([new Promise<void>((resolve) => redis.once('ready', () => resolve())), late]);
}

function ofDoor<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: Error) => Promise.reject(new DoorUnreadableError(error.message, { cause: error })));
}
