import { once } from 'node:events';
import { createLogger, createRedis } from '@shop/service';
import { SetsUnreadableError, type SortedSet, type SortedSets } from './audit/sorted-sets.ts';

/** Redis as the tools read it. */
export interface RedisReader extends SortedSets {
  close(): void;
}

const CONNECT_MS = 2_000;

/** Connects. @throws in words when Redis does not answer in time */
export async function openRedis(url: string): Promise<RedisReader> {
  const redis = createRedis(url, createLogger({ service: 'ops', level: 'silent' }));
  try {
    await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    redis.disconnect();
    throw new Error(`Redis at ${new URL(url).host} cannot be reached`, { cause: error });
  }
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
    close: () => redis.disconnect(),
  };
}
