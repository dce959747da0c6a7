import { expect, it } from '@jest/globals';
import { policyOf } from '../../test/examples.ts';
import type { Door } from './door.ts';
import { createReconcileDoor } from './reconcile-door.ts';

const POLICY = policyOf({ totalQuantity: 2, issuedCount: 2 });

it('when Redis came back with as many places as before, but other ones, then they are compared all the same', async () => {
  let generation = 0;
  let compared = 0;
  let places = new Map([
    [1, 'a'],
    [2, 'b'],
  ]);
  const door: Pick<Door, 'generation' | 'summaries' | 'places' | 'confirm' | 'remove'> = {
    get generation() {
      return generation;
    },
    summaries: async () => [{ couponPolicyId: 1, total: 2, taken: places.size }],
    async places() {
      compared++;
      return new Map(places);
    },
    async confirm(holders) {
      for (const { userId, couponId } of holders) places.set(userId, couponId);
    },
    async remove(occupants) {
      for (const { userId } of occupants) places.delete(userId);
      return occupants.length;
    },
  };
  const holders = new Map(places);
  const reconcile = createReconcileDoor({
    door: door as Door,
    listPolicies: async (after) => (after === 0 ? [POLICY] : []),
    findHolders: async () => holders,
    placeStaleMs: 1_000,
    now: () => 10_000,
  });
  const look = async () => (await reconcile({ execute: true, onlyChanged: true })).differences;

  expect(await look()).toEqual([]);
  expect(await look()).toEqual([]);
  expect(compared).toBe(1);

  // Redis lost its last second: the second holder is missing, and a returned place is back.
  places = new Map([
    [1, 'a'],
    [3, '?0'],
  ]);
  generation++;
  expect(await look()).toMatchObject([{ stalePlaces: 1, missing: 1, unknown: 0 }]);
  expect(places).toEqual(holders);
});

it.each([
  ['long ago', '?1000', 1],
  ['just now', '?59500', 0],
  ['a moment ahead of this instance', '?60500', 0],
  ['by a clock that has been set back since', '?3600000', 1],
  ['at no time that can be read', '?x', 1],
])('when a place without a coupon was taken %s, then it is judged by that', async (_, place, stalePlaces) => {
  const reconcile = createReconcileDoor({
    door: {
      generation: 0,
      summaries: async () => [{ couponPolicyId: 1, total: 2, taken: 1 }],
      places: async () => new Map([[1, place]]),
    } as unknown as Door,
    listPolicies: async (after) => (after === 0 ? [policyOf({ totalQuantity: 2 })] : []),
    findHolders: async () => new Map(),
    placeStaleMs: 30_000,
    now: () => 60_000,
  });
  const { differences } = await reconcile({ execute: false });
  expect(differences.reduce((sum, it) => sum + it.stalePlaces, 0)).toBe(stalePlaces);
});
