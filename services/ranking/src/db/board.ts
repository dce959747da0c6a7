import type { Redis } from 'ioredis';
import type { BusinessDay } from '../domain/business-day.ts';
import type { Board } from '../usecases/ports.ts';
import { REPAIR, SET, TOP } from './board-scripts.ts';

interface Scripts {
  rankingSet(...args: [set: string, versions: string, ...values: (string | number)[]]): Promise<number>;
  rankingRepair(...args: [set: string, versions: string, ...values: (string | number)[]]): Promise<number>;
  rankingTop(keys: number, ...values: (string | number)[]): Promise<[left: number, entries: string[]] | null>;
}

/** How long instances share one union, ms. */
const UNION_MS = 2_000;
const DAY_MS = 86_400_000;

/**
 * The sorted sets. Each day has `ranking:product:<day>`, product → total, and `ranking:product:<day>:versions`, product
 * → version of its row, with the generation of all in the field `generation`. The hash distinguishes a loaded day from
 * a lost one. Products without sales have a version and no score.
 */
// One function: it is a list of Redis commands, a method each.
export function createBoard(redis: Redis): Board {
  redis.defineCommand('rankingSet', { numberOfKeys: 2, lua: SET });
  redis.defineCommand('rankingRepair', { numberOfKeys: 2, lua: REPAIR });
  redis.defineCommand('rankingTop', { lua: TOP });
  const scripts = redis as unknown as Scripts;

  return {
    get connected() {
      return redis.status === 'ready';
    },

    async set(generation, { day, totals }) {
      const values = totals.flatMap((it) => [it.productId, it.version, it.quantity]);
      return (await scripts.rankingSet(...keysOf(day), generation, expiryOf(day), inText(values))) >= 0;
    },

    async read(day) {
      const [set, versionsKey] = keysOf(day);
      const answers = await redis.multi().hgetall(versionsKey).zrange(set, 0, '-1', 'WITHSCORES').exec();
      const [hash, members] = (answers ?? []).map(([error, answer]) => {
        if (error) throw error;
        return answer;
      });
      const { generation, ...versions } = hash as Record<string, string>;
      return {
        generation: generation === undefined ? undefined : Number(generation),
        versions: new Map(Object.entries(versions).map(([id, version]) => [Number(id), Number(version)])),
        scores: new Map(pairs(members as string[])),
      };
    },

    async repair(day, { seenGeneration, generation, corrections }) {
      const values = corrections.flatMap(({ productId, seenVersion, total }) => [
        productId,
        seenVersion ?? '',
        total?.version ?? '',
        total?.quantity ?? 0,
      ]);
      return await scripts.rankingRepair(
        ...keysOf(day),
        seenGeneration ?? '',
        generation,
        expiryOf(day),
        inText(values),
      );
    },

    async top(days, limit) {
      const union = `ranking:popular:${days[0]}:${days.length}`;
      const keys = [union, ...days.map((day) => keysOf(day)[0]), ...days.map((day) => keysOf(day)[1])];
      const answer = await scripts.rankingTop(keys.length, ...keys, days.length, limit, UNION_MS);
      if (!answer) return undefined;
      const [left, entries] = answer;
      return {
        ageMs: UNION_MS - left,
        totals: pairs(entries).map(([productId, quantity]) => ({ productId, quantity })),
      };
    },
  };
}

function keysOf(day: BusinessDay): [set: string, versions: string] {
  return [`ranking:product:${day}`, `ranking:product:${day}:versions`];
}

/** Sends numbers as text: Lua would round large ones. */
function inText(values: readonly (string | number)[]): string {
  return JSON.stringify(values.map(String));
}

/** Seconds since the epoch: the eighth midnight in UTC, when the seven days are over in every time zone. */
function expiryOf(day: BusinessDay): number {
  return (Date.parse(`${day}T00:00:00Z`) + 8 * DAY_MS) / 1_000;
}

function pairs(flat: readonly string[]): [id: number, value: number][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [Number(flat[index * 2]), Number(flat[index * 2 + 1])]);
}
