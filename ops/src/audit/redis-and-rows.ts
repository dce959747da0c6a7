import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlConnection } from '../sql.ts';
import type { Finding } from './check.ts';
import { compareDoors, DOOR_CHECK, type DoorReader, DoorUnreadableError } from './door.ts';
import { finding } from './findings.ts';
import { SETS_CHECK, SetsUnreadableError, type SortedSets, sortedSetFinding } from './sorted-sets.ts';

interface RedisReaders {
  readonly sql: SqlConnection;
  readonly door?: DoorReader;
  readonly sets?: SortedSets;
}

/** Redis is not the source of truth: when it cannot be read, a note says so and the rest is reported. */
interface Compared {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  /** Names of the checks that could not be made. */
  readonly notMade: readonly string[];
}

/** Compares ranking's sorted sets with its table. */
export async function compareWithSets(
  { sql, sets }: RedisReaders,
  timeZone: string,
  graceMs: number,
): Promise<Compared> {
  const notCompared = (why: string) => ({
    findings: [],
    notes: [`the sorted sets were not compared: ${why}`],
    notMade: [SETS_CHECK.name],
  });
  if (!sets) return notCompared('Redis is not known or away');
  try {
    return { findings: [await sortedSetFinding({ sql, sets, timeZone, graceMs })], notes: [], notMade: [] };
  } catch (error) {
    // Only an unreadable Redis becomes a note; an error of MySQL does not.
    if (error instanceof SetsUnreadableError) return notCompared(error.message);
    throw error;
  }
}

/**
 * Compares the doors of the coupon policies with their coupons. Differences are checked again after the grace period.
 */
export async function compareWithDoors({ sql, door }: RedisReaders, graceMs: number): Promise<Compared> {
  const notCompared = (why: string) => ({
    findings: [],
    notes: [`coupons were not compared with Redis: ${why}`],
    notMade: [DOOR_CHECK.name],
  });
  if (!door) return notCompared('it is not known or away');
  try {
    const first = await compareDoors(sql, door, graceMs);
    if (first.suspects.length === 0 || graceMs === 0) {
      return { findings: [finding(DOOR_CHECK, first)], notes: [], notMade: [] };
    }
    await sleep(graceMs);
    const again = await compareDoors(sql, door, graceMs);
    const before = new Set(first.suspects.map((suspect) => suspect.id));
    const suspects = again.suspects.filter((suspect) => before.has(suspect.id));
    return { findings: [finding(DOOR_CHECK, { ...again, suspects })], notes: [], notMade: [] };
  } catch (error) {
    // Only an unreadable Redis becomes a note; an error of MySQL does not.
    if (error instanceof DoorUnreadableError) return notCompared(error.message);
    throw error;
  }
}
