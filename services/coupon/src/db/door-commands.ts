import type { DoorSummary, Entry, Holder, Knock, Occupant } from '../usecases/door.ts';
import type { DoorClient } from './door-scripts.ts';

/** Most fields of one command: a long command would delay all others. */
const CHUNK = 1_000;

const holdersKey = (couponPolicyId: number) => `coupon:{${couponPolicyId}}:holders`;
const totalKey = (couponPolicyId: number) => `coupon:{${couponPolicyId}}:total`;

/** One script call for all users asking one policy's door with the same wish. @returns their entries, in their order */
export async function enterPolicy(client: DoorClient, knocks: readonly Knock[], at: number): Promise<Entry[]> {
  const [first] = knocks;
  if (!first) return [];
  const { couponPolicyId: id, totalQuantity, take } = first;
  const userIds = knocks.map((it) => it.userId);
  const answers = await client.couponEnter(holdersKey(id), totalKey(id), totalQuantity, at, take ? 1 : 0, ...userIds);
  return knocks.map((_, index) => toEntry(answers[index] ?? 'N', at));
}

export const NOT_LOADED: Entry = { kind: 'NOT_LOADED' };
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

export async function writeHolders(client: DoorClient, holders: readonly Holder[]): Promise<void> {
  const pipeline = client.pipeline();
  for (const [id, ofPolicy] of Map.groupBy(holders, (it) => it.couponPolicyId)) {
    for (const chunk of chunks(ofPolicy)) {
      pipeline.hset(holdersKey(id), ...chunk.flatMap((it) => [String(it.userId), it.couponId]));
    }
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
}

/** @returns how many still had the given value and were removed */
export async function removeOccupants(client: DoorClient, occupants: readonly Occupant[]): Promise<number> {
  let removed = 0;
  for (const [id, ofPolicy] of Map.groupBy(occupants, (it) => it.couponPolicyId)) {
    for (const chunk of chunks(ofPolicy)) {
      removed += await client.couponRemove(holdersKey(id), ...chunk.flatMap((it) => [it.userId, it.value]));
    }
  }
  return removed;
}

/** @returns false when the door has fewer holders than were loaded */
export async function openPolicy(client: DoorClient, id: number, quantity: number, holders: number): Promise<boolean> {
  return (await client.couponOpen(holdersKey(id), totalKey(id), quantity, holders)) === 1;
}

export async function readSummaries(client: DoorClient, policyIds: readonly number[]): Promise<DoorSummary[]> {
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
}

export async function readPlaces(client: DoorClient, couponPolicyId: number): Promise<Map<number, string>> {
  const places = new Map<number, string>();
  let cursor = '0';
  do {
    const [next, fields] = await client.hscan(holdersKey(couponPolicyId), cursor, 'COUNT', CHUNK);
    for (let i = 0; i + 1 < fields.length; i += 2) places.set(Number(fields[i]), fields[i + 1] ?? '');
    cursor = next;
  } while (cursor !== '0');
  return places;
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK);
}
