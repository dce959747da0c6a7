import { once } from 'node:events';
import { createLogger, createRedis } from '@shop/service';
import { type DoorReader, DoorUnreadableError } from './audit/door.ts';

const CONNECT_MS = 2_000;
const FIELDS_AT_ONCE = 1_000;

/**
 * The coupon service's door in Redis: a hash `coupon:{<policy>}:holders` and a string `coupon:{<policy>}:total`.
 * @throws in words when Redis does not answer in time
 */
export async function openDoor(url: string): Promise<DoorReader & { close(): void }> {
  const redis = createRedis(url, createLogger({ service: 'ops', level: 'silent' }));
  try {
    await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) });
  } catch (error) {
    redis.disconnect();
    throw new Error(`Redis at ${new URL(url).host} cannot be reached`, { cause: error });
  }
  const read = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((error: Error) => Promise.reject(new DoorUnreadableError(error.message, { cause: error })));
  return {
    async total(couponPolicyId) {
      const total = await read(redis.get(`coupon:{${couponPolicyId}}:total`));
      return total === null ? undefined : Number(total);
    },
    async holders(couponPolicyId) {
      const holders = new Map<number, string>();
      for (let cursor = '0'; ; ) {
        const key = `coupon:{${couponPolicyId}}:holders`;
        const [next, fields] = await read(redis.hscan(key, cursor, 'COUNT', FIELDS_AT_ONCE));
        for (let i = 0; i + 1 < fields.length; i += 2) holders.set(Number(fields[i]), fields[i + 1] ?? '');
        if (next === '0') return holders;
        cursor = next;
      }
    },
    close: () => redis.disconnect(),
  };
}
