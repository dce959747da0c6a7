import { expect, it } from '@jest/globals';
import { burst } from './burst.ts';

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

it('when there are more buyers than may buy at once, then never more do, and each buys once', async () => {
  const bought: number[] = [];
  let now = 0;
  let most = 0;
  const buyers = Array.from({ length: 50 }, (_, index) => index);
  await burst(buyers, {
    atOnce: 7,
    signal: new AbortController().signal,
    async buy(buyer) {
      most = Math.max(most, ++now);
      await nextTurn();
      bought.push(buyer);
      now--;
    },
  });
  expect(most).toBe(7);
  expect(bought.sort((a, b) => a - b)).toEqual(buyers);
});

it('when a burst is aborted, then no other buyer begins, active ones are awaited, and that is no error', async () => {
  const abort = new AbortController();
  let begun = 0;
  let ended = 0;
  await burst([1, 2, 3, 4, 5, 6], {
    atOnce: 2,
    signal: abort.signal,
    async buy() {
      begun++;
      if (begun === 2) abort.abort();
      await nextTurn();
      ended++;
      throw new Error('broken off');
    },
  });
  expect([begun, ended]).toEqual([2, 2]);
});

it('when a buyer fails unexpectedly, then the error is thrown', async () => {
  const failing = burst([1, 2, 3], {
    atOnce: 1,
    signal: new AbortController().signal,
    buy: async (buyer) => {
      if (buyer === 2) throw new Error('a bug');
    },
  });
  await expect(failing).rejects.toThrow('a bug');
});
