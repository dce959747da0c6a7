import { describe, expect, it } from '@jest/globals';
import { createLogger, createMetrics } from '@shop/chassis';
import type { DayTotal } from '../domain/board.ts';
import type { ChangedDay } from './ports.ts';
import { createBoardWriter } from './write-board.ts';

const total = (productId: number, version: number): DayTotal => ({ productId, quantity: version, version });
const LOST = /ranking_board_writes_lost_total (\d+)/;

/** A board whose first write lasts until `release`. */
function fixture(answer: () => Promise<boolean>) {
  const seen: [generation: number, changed: ChangedDay][] = [];
  const state = { connected: true, repairs: 0, asked: () => {} };
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const metrics = createMetrics({ defaults: false });
  const writer = createBoardWriter({
    board: {
      get connected() {
        return state.connected;
      },
      async set(generation, changed) {
        seen.push([generation, changed]);
        await promise;
        return await answer();
      },
    },
    keeps: (day) => day !== 'old',
    askRepair() {
      state.repairs++;
      state.asked();
    },
    logger: createLogger({ service: 'ranking', level: 'silent' }),
    metrics,
  });
  const lost = async () => Number(LOST.exec(await metrics.render())?.[1]);
  return { writer, seen, state, release, lost };
}

describe('totals on their way to Redis', () => {
  it('when totals come during a write, then they wait, and only the latest version of each goes, by generation and day', async () => {
    const { writer, seen, state, release, lost } = fixture(async () => true);
    writer.write(1, [{ day: 'a', totals: [total(1, 1)] }]);
    writer.write(1, [{ day: 'a', totals: [total(1, 3), total(2, 1)] }]);
    writer.write(1, [
      { day: 'a', totals: [total(1, 2)] },
      { day: 'b', totals: [total(1, 1)] },
      { day: 'old', totals: [total(1, 1)] },
    ]);
    writer.write(2, [{ day: 'a', totals: [total(1, 1)] }]);
    release();
    await writer.settled();
    expect(seen).toEqual([
      [1, { day: 'a', totals: [total(1, 1)] }],
      [1, { day: 'a', totals: [total(1, 3), total(2, 1)] }],
      [1, { day: 'b', totals: [total(1, 1)] }],
      [2, { day: 'a', totals: [total(1, 1)] }],
    ]);
    expect([state.repairs, await lost()]).toEqual([0, 0]);
  });

  it('when totals are refused, then a repair is requested', async () => {
    const { writer, state, release } = fixture(async () => false);
    release();
    writer.write(1, [{ day: 'a', totals: [total(1, 1)] }]);
    await writer.settled();
    expect(state.repairs).toBe(1);
  });

  it('when Redis is away or fails, then totals count as lost, and the next ones are written again', async () => {
    let fails = true;
    const { writer, seen, state, release, lost } = fixture(() =>
      fails ? Promise.reject(new Error('x')) : Promise.resolve(true),
    );
    release();
    writer.write(1, [{ day: 'a', totals: [total(1, 1), total(2, 1)] }]);
    await writer.settled();
    state.connected = false;
    writer.write(1, [{ day: 'a', totals: [total(3, 1)] }]);
    await writer.settled();
    expect([seen.length, await lost()]).toEqual([1, 3]);
    Object.assign(state, { connected: true });
    fails = false;
    writer.write(1, [{ day: 'a', totals: [total(1, 2)] }]);
    await writer.settled();
    expect([seen.length, await lost()]).toEqual([2, 3]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'when totals come %i turns after a write ended, then they are written too',
    async (turns) => {
      const { writer, seen, release } = fixture(async () => true);
      writer.write(1, [{ day: 'a', totals: [total(1, 1)] }]);
      release();
      for (let turn = 0; turn < turns; turn++) await undefined;
      writer.write(1, [{ day: 'a', totals: [total(1, 2)] }]);
      await writer.settled();
      expect(seen.at(-1)).toEqual([1, { day: 'a', totals: [total(1, 2)] }]);
    },
  );

  it('when totals come right after a run ended, then settled waits for their write too', async () => {
    let ended = 0;
    const { writer, state, release } = fixture(async () => {
      await new Promise(setImmediate);
      ended++;
      return ended > 1;
    });
    // Two turns after the last write of a run: the run has ended, and the waiting for it has not resumed yet.
    state.asked = () =>
      queueMicrotask(() => queueMicrotask(() => writer.write(1, [{ day: 'a', totals: [total(1, 2)] }])));
    writer.write(1, [{ day: 'a', totals: [total(1, 1)] }]);
    release();
    await writer.settled();
    expect(ended).toBe(2);
  });

  it('when all totals are of days that are not kept, then later totals are still written', async () => {
    const { writer, seen, release } = fixture(async () => true);
    release();
    writer.write(1, [{ day: 'old', totals: [total(1, 1)] }]);
    writer.write(1, [{ day: 'a', totals: [total(1, 1)] }]);
    await writer.settled();
    expect(seen).toEqual([[1, { day: 'a', totals: [total(1, 1)] }]]);
  });
});
