import { expect, it } from '@jest/globals';
import { oneAtATime } from './one-at-a-time.ts';

it('when several ask at once, then the work is done once for each key, and again after it has succeeded or failed', async () => {
  const asked: string[] = [];
  const read = oneAtATime(async (key: string) => {
    asked.push(key);
    await Promise.resolve();
    if (key === 'bad') throw new Error('bad');
    return key;
  });
  expect(await Promise.all([read('a'), read('b'), read('a')])).toEqual(['a', 'b', 'a']);
  expect(asked).toEqual(['a', 'b']);
  for (let n = 0; n < 2; n++)
    expect((await Promise.allSettled([read('bad'), read('bad')])).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
    ]);
  expect(asked).toEqual(['a', 'b', 'bad', 'bad']);
});
