import { expect, it } from '@jest/globals';
import type { RedisState } from '../redis.ts';
import { redisWords } from './redis-state.ts';

const well: RedisState = { version: '7.4.1', role: 'master', policy: 'noeviction', used: 10, most: 0 };

it('when Redis takes writes and forgets nothing, then it is in order', () => {
  expect(redisWords(well)).toBe('7.4.1, takes writes');
});

it.each<[Partial<RedisState>, string]>([
  [{ role: 'slave' }, 'takes no writes'],
  [{ policy: 'allkeys-lru' }, 'set noeviction'],
  [{ used: 96, most: 100 }, 'its memory is full'],
])('when Redis is as %o, then its fault is named', (change, words) => {
  expect(() => redisWords({ ...well, ...change })).toThrow(words);
});
