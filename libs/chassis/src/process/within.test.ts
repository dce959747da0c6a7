import { expect, it, jest } from '@jest/globals';
import { within } from './within.ts';

const late = () => new Error('late');

it('when the work ends in time, then its outcome is returned, and no timer is left', async () => {
  const clear = jest.spyOn(globalThis, 'clearTimeout');
  expect(await within(60_000, Promise.resolve(1), late)).toBe(1);
  await expect(within(60_000, Promise.reject(new Error('its own')), late)).rejects.toThrow('its own');
  expect(clear).toHaveBeenCalledTimes(2);
  clear.mockRestore();
});

it('when the work takes longer, then it is late, and its own failure afterwards is ignored', async () => {
  const work = new Promise((_, reject) => setTimeout(() => reject(new Error('its own')), 20));
  await expect(within(1, work, late)).rejects.toThrow('late');
  await expect(work).rejects.toThrow('its own');
});
