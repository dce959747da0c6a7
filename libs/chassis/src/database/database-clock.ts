import type { Logger } from 'pino';
import { OutageError } from '../errors/index.ts';
import type { Metrics } from '../process/index.ts';
import { corrected, type Offset, offsetOf } from './measured-offset.ts';
import type { DatabaseClock, SqlExecutor } from './transaction.ts';

/** Largest error of a comparison that is used at all, ms. */
const MAX_ERROR_MS = 1_000;
/** A comparison with a smaller error is not repeated at once, ms. */
const GOOD_ERROR_MS = 10;
const MAX_TRIES = 5;
/** A difference between this machine's clock and the database's is logged from here on, ms. */
const WARN_SKEW_MS = 1_000;
/** After so long without a comparison the clock is no longer believed, ms: crystals drift by some ms a minute. */
const MAX_AGE_MS = 300_000;

/** A `DatabaseClock`, and the comparisons that keep it right. */
export interface ComparedClock extends DatabaseClock {
  /** Compares the clocks. @throws {OutageError} when no comparison was exact enough, or the database is away */
  compare(): Promise<void>;
  readonly isCompared: boolean;
  /** Waits for the first comparison, which it makes when none is under way. @throws as `compare` */
  compared(): Promise<void>;
  /** @throws an error that says why, when the clock must not be used */
  check(): void;
}

interface ClockOptions {
  /** Asks the other clock, ms since the epoch. */
  readonly readTime: () => Promise<number>;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** This machine's wall clock, ms since the epoch. */
  readonly wallClock?: () => number;
  /** A clock that never jumps, ms since any moment. */
  readonly monotonic?: () => number;
}

export function createDatabaseClock({
  database,
  ...options
}: Omit<ClockOptions, 'readTime'> & { readonly database: Pick<SqlExecutor, 'query'> }): ComparedClock {
  async function readTime(): Promise<number> {
    const [row] = await database.query<{ at: Date }>('SELECT UTC_TIMESTAMP(3) AS at');
    if (!row) throw new OutageError('the database did not tell its time');
    return row.at.getTime();
  }
  return createComparedClock({ ...options, readTime });
}

/** A clock that follows another one, which it compares itself with when told to. */
export function createComparedClock(options: ClockOptions): ComparedClock {
  const { readTime, logger, metrics, wallClock = Date.now, monotonic = () => performance.now() } = options;
  const skewSeconds = metrics?.gauge('clock_skew_seconds', "This machine's clock less the database server's");
  const errorSeconds = metrics?.gauge('clock_error_seconds', 'Largest error of the time that is used');
  let offset: Offset | undefined;
  let comparedAt = Number.NEGATIVE_INFINITY;
  let wasWrong = false;
  let comparing: Promise<void> | undefined;

  async function compareNow(): Promise<void> {
    const measured = await measure(readTime, monotonic);
    offset = corrected(offset, measured);
    comparedAt = monotonic();
    const skewMs = wallClock() - (comparedAt + offset.offsetMs);
    skewSeconds?.set(skewMs / 1_000);
    errorSeconds?.set(offset.errorMs / 1_000);
    const isWrong = Math.abs(skewMs) > WARN_SKEW_MS + offset.errorMs;
    if (isWrong && !wasWrong) logger?.warn({ skewMs: Math.round(skewMs) }, "this machine's clock is wrong: corrected");
    if (!isWrong && wasWrong) logger?.info("this machine's clock is right again");
    wasWrong = isWrong;
  }

  const clock: ComparedClock = {
    now: () => (offset ? Math.floor(monotonic() + offset.offsetMs) : wallClock()),
    date() {
      if (!offset) throw new OutageError("the clock has not been compared with the database server's yet");
      return new Date(clock.now());
    },
    compare() {
      comparing ??= compareNow().finally(() => {
        comparing = undefined;
      });
      return comparing;
    },
    get isCompared() {
      return offset !== undefined;
    },
    async compared() {
      if (!offset) await clock.compare();
    },
    check() {
      if (!offset) throw new Error("not compared with the database server's clock yet");
      const ageMs = monotonic() - comparedAt;
      if (ageMs > MAX_AGE_MS) throw new Error(`last compared with the database's ${Math.round(ageMs / 1_000)} s ago`);
    },
  };
  return clock;
}

/** The best of a few comparisons. @throws {OutageError} when none was exact enough */
async function measure(readTime: () => Promise<number>, monotonic: () => number): Promise<Offset> {
  let best: Offset | undefined;
  for (let tries = 0; tries < MAX_TRIES && !(best && best.errorMs <= GOOD_ERROR_MS); tries++) {
    const sentAt = monotonic();
    const theirs = await readTime();
    const measured = offsetOf({ sentAt, receivedAt: monotonic(), theirs });
    if (!best || measured.errorMs < best.errorMs) best = measured;
  }
  if (!best || best.errorMs > MAX_ERROR_MS)
    throw new OutageError(`the database's clock is known to within ${Math.round(best?.errorMs ?? 0)} ms only`);
  return best;
}
