import { describe, expect, it } from '@jest/globals';
import { type GroupPlace, lostAmong } from './places.ts';

const at = (change: Partial<GroupPlace> = {}): GroupPlace => ({
  topic: 't',
  partition: 0,
  low: 0n,
  high: 10n,
  committed: undefined,
  remembered: 0n,
  ...change,
});
const nextOf = (place: GroupPlace, isKnown = true) => lostAmong([place], isKnown).map(({ next }) => next);

describe('the place of a group in the log', () => {
  it.each<[string, GroupPlace]>([
    ['its offset is in the log', at({ low: 3n, committed: 3n })],
    ['it has read all', at({ low: 3n, committed: 10n })],
    ['nothing was ever in the log', at({ high: 0n })],
    ['it has no offset and the log holds all it ever held', at()],
  ])('when %s, then it is not lost', (_, place) => expect(nextOf(place)).toEqual([]));

  it('when a group has offsets of other topics only, then it begins to hear this one', () => {
    const other = at({ topic: 'other', committed: 5n });
    expect(lostAmong([at({ low: 3n }), other], true)).toEqual([]);
    expect(lostAmong([at({ low: 3n }), at({ partition: 1, committed: 5n }), other], true)).toHaveLength(1);
  });

  it('when a place was beyond the end and the log grows past it, then it stays lost until its offset is changed', () => {
    const beyond = new Map([['t/0', 7n]]);
    expect(lostAmong([at({ committed: 7n })], true, beyond)).toHaveLength(1);
    expect(lostAmong([at({ committed: 8n })], true, beyond)).toEqual([]);
  });

  it('when a group is new, then it has no place to lose', () => expect(nextOf(at({ low: 3n }), false)).toEqual([]));

  it.each<[string, GroupPlace, bigint]>([
    ["its offset is before the log's beginning", at({ low: 3n, committed: 2n }), 3n],
    ['its offset is old, and what follows is older than the inbox', at({ low: 3n, committed: 2n, remembered: 7n }), 3n],
    ['its offset is beyond the end', at({ committed: 11n }), 0n],
    [
      'its offset is beyond the end, and the inbox does not reach as far back as the log',
      at({ committed: 11n, remembered: 4n }),
      4n,
    ],
    ["its offset is gone with the log's beginning", at({ low: 3n }), 3n],
    ['its offset is gone, and the inbox does not reach as far back as the log', at({ remembered: 4n }), 4n],
  ])('when %s, then it is lost, and goes on where nothing is applied twice', (_, place, next) =>
    expect(nextOf(place)).toEqual([next]),
  );
});
