import {
  type Batcher,
  createBatcher,
  failed,
  type ItemResult,
  type Metrics,
  OutageError,
  succeeded,
} from '@shop/chassis';
import type { Redis } from 'ioredis';
import type { Door, Entry, Knock } from '../usecases/door.ts';
import { withDoorScripts } from './door-scripts.ts';

/** After a command failed Redis is left alone for so long, ms: while it hangs, nobody else waits for its time-out. */
const REST_MS = 500;
/** Fields of one command: a long one would hold up everybody else's. */
const CHUNK = 1_000;

const holdersKey = (couponPolicyId: number) => `coupon:{${couponPolicyId}}:holders`;
const totalKey = (couponPolicyId: number) => `coupon:{${couponPolicyId}}:total`;

interface Options {
  readonly redis: Redis;
  readonly metrics?: Metrics;
  readonly now?: () => number;
}

export interface RedisDoor extends Door {
  stop(): Promise<void>;
}

/** The door in Redis. What asks in one turn of the event loop goes together: one script call a policy. */
export function createRedisDoor({ redis, metrics, now = Date.now }: Options): RedisDoor {
  const client = withDoorScripts(redis);
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

  /** Fails at once while Redis rests. */
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
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
  }

  /**
   * One script call a policy. What fails for one policy fails for those who asked for it: the others have their places.
   */
  async function enterAll(knocks: readonly Knock[]): Promise<readonly ItemResult<Entry>[]> {
    const at = now();
    const results = new Map<Knock, ItemResult<Entry>>();
    const groups = Map.groupBy(knocks, (it) => `${it.couponPolicyId} ${it.totalQuantity} ${it.take}`);
    await Promise.all(
      [...groups.values()].map(async (group) => {
        const [first] = group;
        if (!first) return;
        const { couponPolicyId: id, totalQuantity, take } = first;
        const userIds = group.map((it) => it.userId);
        const keys = [holdersKey(id), totalKey(id)] as const;
        try {
          const answers = await guarded(() => client.couponEnter(...keys, totalQuantity, at, take ? 1 : 0, ...userIds));
          for (const [index, knock] of group.entries())
            results.set(knock, succeeded(toEntry(answers[index] ?? 'N', at)));
        } catch (error) {
          for (const knock of group) results.set(knock, failed(error));
        }
      }),
    );
    return knocks.map((knock) => results.get(knock) ?? succeeded(NOT_LOADED));
  }

  const entering: Batcher<Knock, Entry> = createBatcher({
    name: 'coupon-door',
    maxSize: 500,
    concurrency: 4,
    ...(metrics ? { metrics } : {}),
    run: enterAll,
  });

  return {
    get generation() {
      return generation;
    },

    enter: (knock) => entering.submit(knock),

    confirm: (holders) => {
      // What is not written now is missing there, also for a load that is just under way.
      if (now() < restUntil) generation++;
      return guarded(async () => {
        const pipeline = client.pipeline();
        for (const [id, ofPolicy] of Map.groupBy(holders, (it) => it.couponPolicyId)) {
          for (const chunk of chunks(ofPolicy)) {
            pipeline.hset(holdersKey(id), ...chunk.flatMap((it) => [String(it.userId), it.couponId]));
          }
        }
        for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
      });
    },

    remove: (occupants) =>
      guarded(async () => {
        let removed = 0;
        for (const [id, ofPolicy] of Map.groupBy(occupants, (it) => it.couponPolicyId)) {
          for (const chunk of chunks(ofPolicy)) {
            removed += await client.couponRemove(holdersKey(id), ...chunk.flatMap((it) => [it.userId, it.value]));
          }
        }
        return removed;
      }),

    open: (id, totalQuantity, holders) =>
      guarded(async () => (await client.couponOpen(holdersKey(id), totalKey(id), totalQuantity, holders)) === 1),

    summaries: (policyIds) =>
      guarded(async () => {
        const pipeline = client.pipeline();
        for (const id of policyIds) pipeline.get(totalKey(id)).hlen(holdersKey(id));
        const replies = (await pipeline.exec()) ?? [];
        const valueAt = (index: number): unknown => {
          const [error, value] = replies[index] ?? [];
          if (error) throw error;
          return value;
        };
        return policyIds.map((couponPolicyId, index) => {
          const total = valueAt(2 * index);
          const known = typeof total === 'string' ? Number(total) : undefined;
          return { couponPolicyId, total: known, taken: Number(valueAt(2 * index + 1)) };
        });
      }),

    places: (couponPolicyId) =>
      guarded(async () => {
        const places = new Map<number, string>();
        let cursor = '0';
        do {
          const [next, fields] = await client.hscan(holdersKey(couponPolicyId), cursor, 'COUNT', CHUNK);
          for (let i = 0; i + 1 < fields.length; i += 2) places.set(Number(fields[i]), fields[i + 1] ?? '');
          cursor = next;
        } while (cursor !== '0');
        return places;
      }),

    async stop() {
      await entering.stop();
      // QUIT comes after whatever was sent before it.
      await redis.quit().catch(() => redis.disconnect());
    },
  };
}

const NOT_LOADED: Entry = { kind: 'NOT_LOADED' };
const FIXED: Readonly<Record<string, Entry>> = {
  N: NOT_LOADED,
  S: { kind: 'SOLD_OUT' },
  '-': { kind: 'NONE' },
};

function toEntry(answer: string, at: number): Entry {
  const fixed = FIXED[answer];
  if (fixed) return fixed;
  if (answer === '+') return { kind: 'PLACE', token: `?${at}` };
  return answer === '?' ? { kind: 'PENDING', token: `?${at}` } : { kind: 'HOLDS', couponId: answer };
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK);
}
