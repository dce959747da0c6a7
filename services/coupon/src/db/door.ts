import { type Batcher, createBatcher, failed, type ItemResult, type Metrics, succeeded } from '@shop/chassis';
import type { Redis } from 'ioredis';
import type { Door, Entry, Knock } from '../usecases/door.ts';
import {
  enterPolicy,
  NOT_LOADED,
  openPolicy,
  readPlaces,
  readSummaries,
  removeOccupants,
  writeHolders,
} from './door-commands.ts';
import { createDoorGuard } from './door-guard.ts';
import { withDoorScripts } from './door-scripts.ts';

interface Options {
  readonly redis: Redis;
  readonly metrics?: Metrics;
  /** ms since the epoch: the time of a place is in its value. */
  readonly now?: () => number;
}

export interface RedisDoor extends Door {
  stop(): Promise<void>;
}

/** The door in Redis. Requests of one turn of the event loop go together: one script call a policy. */
export function createRedisDoor({ redis, metrics, now = Date.now }: Options): RedisDoor {
  const client = withDoorScripts(redis);
  const guard = createDoorGuard(redis, metrics);
  const entering: Batcher<Knock, Entry> = createBatcher({
    name: 'coupon-door',
    maxSize: 500,
    concurrency: 4,
    ...(metrics ? { metrics } : {}),
    run(knocks) {
      const at = now();
      return enterAll(knocks, (ofPolicy) => guard.run(() => enterPolicy(client, ofPolicy, at)));
    },
  });

  return {
    get generation() {
      return guard.generation;
    },
    enter: (knock) => entering.submit(knock),
    check: () => guard.run(async () => void (await client.ping())),
    confirm(holders) {
      // A holder not written now is missing there, also for a load under way.
      guard.willWrite();
      return guard.run(() => writeHolders(client, holders));
    },
    remove: (occupants) => guard.run(() => removeOccupants(client, occupants)),
    open: (id, totalQuantity, holders) => guard.run(() => openPolicy(client, id, totalQuantity, holders)),
    summaries: (policyIds) => guard.run(() => readSummaries(client, policyIds)),
    places: (couponPolicyId) => guard.run(() => readPlaces(client, couponPolicyId)),
    async stop() {
      await entering.stop();
      // QUIT is handled after all earlier commands.
      await redis.quit().catch(() => redis.disconnect());
    },
  };
}

/**
 * Makes one script call a policy. A failure for one policy fails only its own requests: the others have their places.
 */
async function enterAll(
  knocks: readonly Knock[],
  enterTogether: (knocks: readonly Knock[]) => Promise<readonly Entry[]>,
): Promise<readonly ItemResult<Entry>[]> {
  const results = new Map<Knock, ItemResult<Entry>>();
  const groups = Map.groupBy(knocks, (it) => `${it.couponPolicyId} ${it.totalQuantity} ${it.take}`);
  await Promise.all(
    [...groups.values()].map(async (group) => {
      try {
        const entries = await enterTogether(group);
        for (const [index, knock] of group.entries()) results.set(knock, succeeded(entries[index] ?? NOT_LOADED));
      } catch (error) {
        for (const knock of group) results.set(knock, failed(error));
      }
    }),
  );
  return knocks.map((knock) => results.get(knock) ?? succeeded(NOT_LOADED));
}
