import { expect, it } from '@jest/globals';
import { createNewId } from './new-id.ts';

const timeOf = (id = '') => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

it('when ids are drawn, then they carry the time of the given clock, and each is greater than the one before', () => {
  const times = [5_000, 5_000, 5_000, 4_000, 5_001];
  const newId = createNewId(() => times.shift() ?? 0);
  const ids = [1, 2, 3, 4, 5].map(() => newId());
  expect([...ids].sort()).toEqual(ids);
  expect([timeOf(ids[0]), timeOf(ids.at(-1))]).toEqual([5_000, 5_001]);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

it('when the clock was far ahead for a moment, then ids carry the right time again at once, and are in order from there on', () => {
  const times = [1_000, 3_601_000, 1_500, 1_500, 1_501];
  const newId = createNewId(() => times.shift() ?? 0);
  const ids = [1, 2, 3, 4, 5].map(() => newId());
  expect(ids.map(timeOf)).toEqual([1_000, 3_601_000, 1_500, 1_500, 1_501]);
  expect([...ids.slice(2)].sort()).toEqual(ids.slice(2));
  expect(new Set(ids).size).toBe(5);
});
