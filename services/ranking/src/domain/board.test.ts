import { describe, expect, it } from '@jest/globals';
import { type DayBoard, type DayTotal, repairOf } from './board.ts';

const board = (
  generation: number | undefined,
  ...entries: [id: number, version: number, score?: number][]
): DayBoard => ({
  generation,
  versions: new Map(entries.map(([id, version]) => [id, version])),
  scores: new Map(entries.flatMap(([id, , score]) => (score === undefined ? [] : [[id, score]]))),
});
const total = (productId: number, quantity: number, version: number): DayTotal => ({ productId, quantity, version });

describe('repair of a day in Redis', () => {
  it('when versions and scores agree, then there is nothing to repair, and unsold products have no score', () => {
    const table = { generation: 1, totals: [total(1, 5, 2), total(2, 0, 2), total(3, -1, 1)] };
    expect(repairOf(board(1, [1, 2, 5], [2, 2], [3, 1]), table)).toBeUndefined();
  });

  it.each<[string, DayBoard, DayTotal[], { productId: number; seenVersion: number | undefined }[]]>([
    ['a lost write', board(1, [1, 1, 5]), [total(1, 7, 2)], [{ productId: 1, seenVersion: 1 }]],
    ['a missing product', board(1), [total(1, 7, 2)], [{ productId: 1, seenVersion: undefined }]],
    ['another score', board(1, [1, 2, 5]), [total(1, 7, 2)], [{ productId: 1, seenVersion: 2 }]],
    ['a lost score', board(1, [1, 2]), [total(1, 7, 2)], [{ productId: 1, seenVersion: 2 }]],
    ['a score of what is not sold', board(1, [1, 2, 7]), [total(1, 0, 2)], [{ productId: 1, seenVersion: 2 }]],
    ['a version that the table never had', board(1, [1, 9, 7]), [total(1, 7, 2)], [{ productId: 1, seenVersion: 9 }]],
    ['a product that the table does not have', board(1, [1, 2, 7]), [], [{ productId: 1, seenVersion: 2 }]],
  ])('when a board and the table differ by %s, then the repair corrects that', (_, seen, totals, corrections) => {
    expect(repairOf(seen, { generation: 1, totals })).toEqual({
      seenGeneration: 1,
      generation: 1,
      corrections: corrections.map((it) => ({ ...it, total: totals[0] })),
    });
  });

  it.each([undefined, 1, 3])(
    'when a board is of another generation (%s), then it is replaced as a whole',
    (generation) => {
      const totals = [total(1, 5, 2), total(2, 0, 1)];
      expect(repairOf(board(generation, [1, 2, 5], [7, 1, 1]), { generation: 2, totals })).toEqual({
        seenGeneration: generation,
        generation: 2,
        corrections: totals.map((it) => ({ productId: it.productId, seenVersion: undefined, total: it })),
      });
    },
  );

  it('when a board was never loaded, then it is repaired even if nothing was sold', () => {
    expect(repairOf(board(undefined), { generation: 1, totals: [] })).toMatchObject({ corrections: [] });
  });
});
