import { expect, it } from '@jest/globals';
import { createNewId } from './new-id.ts';

it('when ids are drawn, then they carry the time of the given clock, and each is greater than the one before', () => {
  const times = [5_000, 5_000, 5_000, 4_000, 5_001];
  const newId = createNewId(() => times.shift() ?? 0);
  const ids = [1, 2, 3, 4, 5].map(() => newId());
  expect([...ids].sort()).toEqual(ids);
  const timeOf = (id = '') => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  expect([timeOf(ids[0]), timeOf(ids.at(-1))]).toEqual([5_000, 5_001]);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
