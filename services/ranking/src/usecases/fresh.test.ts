import { describe, expect, it } from '@jest/globals';
import { createFresh } from './fresh.ts';

function fixture() {
  const state = { time: 0, loads: 0, fails: false, told: [] as unknown[] };
  const read = createFresh({
    load: async (key: string) => {
      const load = ++state.loads;
      await Promise.resolve();
      if (state.fails) throw new Error('away');
      return `${key} ${load}`;
    },
    freshMs: 1_000,
    staleMs: 60_000,
    failed: (error) => state.told.push(error),
    now: () => state.time,
  });
  return { state, read };
}

describe('a value that may be a little old', () => {
  it('when many ask for a value, then it is loaded once, and again when it is too old', async () => {
    const { state, read } = fixture();
    expect(await Promise.all([read('a'), read('a'), read('b')])).toEqual(['a 1', 'a 1', 'b 2']);
    state.time = 999;
    expect(await read('a')).toBe('a 1');
    state.time = 1_000;
    expect(await Promise.all([read('a'), read('a')])).toEqual(['a 3', 'a 3']);
  });

  it('when a value cannot be loaded, then the last one is given for a while, then the error', async () => {
    const { state, read } = fixture();
    await read('a');
    Object.assign(state, { time: 59_999, fails: true });
    expect(await read('a')).toBe('a 1');
    expect(state.told).toEqual([new Error('away')]);
    state.time = 60_000;
    await expect(read('a')).rejects.toThrow('away');
    state.fails = false;
    expect(await read('a')).toBe('a 4');
  });

  it('when a value was never loaded, then the error is given', async () => {
    const { state, read } = fixture();
    state.fails = true;
    await expect(read('a')).rejects.toThrow('away');
  });
});
