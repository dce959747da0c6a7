import { expect, it } from '@jest/globals';
import { pageCursor, pageQuery, toPage } from './page.ts';

const rows = [9, 8, 7].map((id) => ({ id }));

it('when there is more, then the cursor leads to the items after the last one', () => {
  const page = toPage(rows, 2, (row) => row.id);
  expect(page.items).toEqual([{ id: 9 }, { id: 8 }]);
  expect(pageQuery.parse({ cursor: page.nextCursor, limit: '2' })).toEqual({ cursor: 8, limit: 2 });
});

it('when there is no more, then there is no cursor', () => {
  expect(toPage(rows, 3, (row) => row.id).nextCursor).toBeNull();
  expect(toPage([], 3, () => 0)).toEqual({ items: [], nextCursor: null });
});

it('when ids are texts, then the cursor leads to the items after the last one, and no other text is a cursor', () => {
  const cursor = pageCursor((text) => text.startsWith('order-'));
  const { nextCursor } = toPage(['order-2', 'order-1'], 1, (id) => id);
  expect(cursor.parse(nextCursor)).toBe('order-2');
  expect(cursor.safeParse('order-2').success).toBe(false);
});

it('when the query is empty, then the page is the first 20', () => {
  expect(pageQuery.parse({})).toEqual({ limit: 20 });
});

for (const query of [
  { limit: '0' },
  { limit: '101' },
  { limit: '1.5' },
  { limit: '' },
  { cursor: 'x' },
  { cursor: '' },
]) {
  it(`when the query is ${JSON.stringify(query)}, then it is refused`, () => {
    expect(pageQuery.safeParse(query).success).toBe(false);
  });
}
