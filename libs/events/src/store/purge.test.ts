import { expect, it } from '@jest/globals';
import type { Database } from '@shop/chassis';
import { lowestIdAt, purgeInbox } from './purge.ts';

const DAY_MS = 86_400_000;
const NOW = 1_800_000_000_000;

/** The inbox of one group, whose rows are as old as their ids. `letters`: the ids that open letters name. */
function inboxOf(ids: readonly string[], letters: readonly string[]) {
  const left = new Set(ids);
  const database = {
    async query(sql: string, params: readonly string[] = []) {
      if (sql.includes('GROUP BY')) return [{ name: 'ranking', newest: ids.at(-1) }];
      if (sql.includes('dead_letter')) return letters.filter((id) => left.has(id)).map((id) => ({ id }));
      const [, after = '', before = ''] = params;
      return [{ id: [...left].filter((id) => id > after && id < before).at(-1) ?? null }];
    },
    async execute(_sql: string, [, after = '', last = '', , ...kept]: readonly string[]) {
      const gone = [...left].filter((id) => id > after && id <= last && !kept.includes(id));
      for (const id of gone) left.delete(id);
      return { affectedRows: gone.length, insertId: 0 };
    },
  };
  return { database: database as unknown as Database, left };
}

it('when an open dead letter names an event, then the purge keeps its id: its redrive must find it applied', async () => {
  const ids = [15, 14, 13, 12, 1].map((days) => lowestIdAt(NOW - days * DAY_MS));
  const { database, left } = inboxOf(ids, [ids[1] ?? '', lowestIdAt(NOW - 16 * DAY_MS)]);
  expect(await purgeInbox(database, NOW)).toBe(3);
  expect([...left]).toEqual([ids[1], ids[4]]);
});

it('when no dead letter is open, then all ids older than the retention go', async () => {
  const ids = [15, 14, 1].map((days) => lowestIdAt(NOW - days * DAY_MS));
  const { database, left } = inboxOf(ids, []);
  expect(await purgeInbox(database, NOW)).toBe(2);
  expect([...left]).toEqual([ids[2]]);
});
