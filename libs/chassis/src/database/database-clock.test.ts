import { describe, expect, it } from '@jest/globals';
import { createDatabaseClock } from './database-clock.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');

/** A machine whose wall clock is off by `skewMs`, and a database whose answer takes `roundTripMs`. */
function clockOf({ skewMs = 0, roundTripMs = 2, away = false } = {}) {
  const world = { at: 5_000, roundTripMs, skewMs, away };
  const warnings: object[] = [];
  const clock = createDatabaseClock({
    database: {
      async query<Row>() {
        if (world.away) throw new Error('the database is away');
        world.at += world.roundTripMs / 2;
        const at = new Date(START + world.at);
        world.at += world.roundTripMs / 2;
        return [{ at }] as Row[];
      },
    },
    logger: { warn: (details: object) => warnings.push(details), info: () => undefined } as never,
    monotonic: () => world.at,
    wallClock: () => START + world.at + world.skewMs,
  });
  return { clock, world, warnings, trueTime: () => START + world.at };
}

describe("the clock of a service, compared with its database's", () => {
  it.each([0, -40_000, 40_000])(
    "when this machine's clock is off by %i ms, then the time is the database's, and great skew is logged once",
    async (skewMs) => {
      const { clock, world, warnings, trueTime } = clockOf({ skewMs });
      await clock.compare();
      await clock.compare();
      world.at += 3_000;
      expect(Math.abs(clock.now() - trueTime())).toBeLessThanOrEqual(3);
      expect(Math.abs(clock.date().getTime() - trueTime())).toBeLessThanOrEqual(3);
      expect(warnings).toEqual(skewMs === 0 ? [] : [{ skewMs: expect.closeTo(skewMs, -1) }]);
    },
  );

  it('when the wall clock is set while the process runs, then its time goes on as before', async () => {
    const { clock, world, trueTime } = clockOf();
    await clock.compare();
    world.skewMs = -3_600_000;
    expect(Math.abs(clock.now() - trueTime())).toBeLessThanOrEqual(3);
  });

  it('when the clocks were never compared, then no time is given to be stored, and the instance says why', async () => {
    const { clock, world } = clockOf({ away: true });
    await expect(clock.compare()).rejects.toThrow('away');
    expect(() => clock.date()).toThrow('not been compared');
    expect(() => clock.check()).toThrow('not compared');
    world.away = false;
    await clock.compare();
    expect(() => clock.check()).not.toThrow();
  });

  it('when many wait for the first comparison, then the database is asked once, and later waits ask nothing', async () => {
    const { clock, world } = clockOf();
    await Promise.all([clock.compared(), clock.compared()]);
    const askedUntil = world.at;
    await clock.compared();
    expect({ at: world.at, askedUntil }).toEqual({ at: 5_002, askedUntil: 5_002 });
  });

  it('when every answer is slow, then no such comparison is used', async () => {
    const { clock, world, trueTime } = clockOf({ roundTripMs: 5_000 });
    await expect(clock.compare()).rejects.toThrow('to within');
    expect(clock.isCompared).toBe(false);
    world.roundTripMs = 4;
    await clock.compare();
    expect(Math.abs(clock.now() - trueTime())).toBeLessThanOrEqual(4);
  });

  it('when no comparison has succeeded for long, then the instance is not ready any more', async () => {
    const { clock, world } = clockOf();
    await clock.compare();
    world.at += 400_000;
    expect(() => clock.check()).toThrow('400 s ago');
  });
});
