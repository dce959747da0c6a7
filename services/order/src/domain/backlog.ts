/** Completions are counted over so long, ms: long enough that one stall of the disk is not taken for a slow saga. */
const WINDOW_MS = 2_000;
/** Longest time, ms, for which orders are presumed to end as before without having been counted again. */
const PRESUMED_MS = 1_000;
/** Share of the newest sample in an instance's measured share of all new orders. */
const NEWEST = 0.3;
/** Fewer new orders than this in a sample tell nothing of the instances' shares. */
const MIN_ARRIVALS = 20;
/** An instance that has had no orders of late may take so much of the room all the same. */
const MIN_SHARE = 0.1;

export interface BacklogOptions {
  /** Longest time, ms, that a new order should have to wait for the PENDING ones before it. */
  readonly targetMs: number;
  /** So many orders may be PENDING before it is known how fast they end. */
  readonly floor: number;
}

/** A reading of all orders in the database, of whatever instance. */
export interface BacklogSample {
  readonly pending: number;
  /** Age of the oldest PENDING order that is no straggler, ms; 0 without one. */
  readonly oldestMs: number;
  /** Orders that ended since the sample before this, those left out that only their deadline ended. */
  readonly ended: number;
}

/** Why no order is taken: too many are PENDING for what ends a second, or none ends at all. */
export type BacklogRefusal = 'backlog' | 'stalled';

/**
 * How many new orders may begin: by Little's law a new order waits for PENDING ÷ completions a second, and that is held
 * under a target. All times are ms on one clock that runs forward.
 */
export interface Backlog {
  /** The database is about to be read. Give what it said to the function that is returned. */
  sample(now: number): (sample: BacklogSample) => void;
  /** Undefined while one more order may begin. */
  refusal(now: number): BacklogRefusal | undefined;
  /** An order begins. Tell what became of it: whether it is in the database now. */
  begin(): (isPlaced: boolean) => void;
  /** How long a new order has to wait, ms, as last sampled. */
  readonly waitMs: number;
  /** How long until the backlog is back at its limit, ms; undefined while nothing ends. */
  readonly overMs: number | undefined;
}

export function createBacklog({ targetMs, floor }: BacklogOptions): Backlog {
  let last: (BacklogSample & { readonly at: number }) | undefined;
  let ends: { readonly since: number; readonly ended: number }[] = [];
  /** Orders that end in a ms. */
  let rate = 0;
  let limit = floor;
  let isStalled = false;
  /** Orders have queued for so long that what ends a second is all that can. */
  let isSaturated = false;
  /** Begun here, and neither in the database nor refused yet. */
  let inFlight = 0;
  /** Begun here, and perhaps not in the sample. */
  let unseen = 0;
  /** Begun here since the last sample, and in the database. */
  let placed = 0;
  /** This instance's part of all new orders, 0 … 1; undefined until there were some. */
  let share: number | undefined;

  function noteShare(sample: BacklogSample, own: number): void {
    const arrivals = last ? sample.pending - last.pending + sample.ended : 0;
    if (arrivals < MIN_ARRIVALS) return;
    const seen = Math.min(1, own / arrivals);
    share = share === undefined ? seen : share + (seen - share) * NEWEST;
  }

  function noteRate(at: number, { ended, oldestMs }: BacklogSample): void {
    const since = last?.at;
    if (since === undefined) return;
    ends = [...ends.filter((it) => it.since >= at - WINDOW_MS), { since, ended }];
    const total = ends.reduce((sum, it) => sum + it.ended, 0);
    const steady = total / Math.max(1, at - (ends[0]?.since ?? since));
    // At the beginning of a rush the seconds before it say little.
    rate = oldestMs < targetMs / 2 ? Math.max(steady, ended / Math.max(1, at - since)) : steady;
  }

  function noteLimit({ pending, oldestMs }: BacklogSample): void {
    if (oldestMs < targetMs / 2) isSaturated = false;
    // Right after a stall the rate is not yet what it will be.
    else if (oldestMs > targetMs && ends.length > 0 && ends.every((it) => it.ended > 0)) isSaturated = true;
    const isLate = oldestMs > 2 * targetMs;
    isStalled = isLate && pending > 0 && rate === 0;
    limit = isLate || isSaturated ? rate * targetMs : Math.max(floor, rate * targetMs);
  }

  return {
    sample(now) {
      const inFlightThen = inFlight;
      const own = placed;
      const unseenBefore = unseen;
      return (sample) => {
        noteShare(sample, own);
        placed -= own;
        noteRate(now, sample);
        // Orders in flight when the reading began may be in it or not: they count until the next.
        unseen = Math.max(0, unseen - unseenBefore + inFlightThen);
        last = { ...sample, at: now };
        noteLimit(sample);
      };
    },

    refusal(now) {
      if (isStalled) return 'stalled';
      const presumed = last ? rate * Math.min(PRESUMED_MS, Math.max(0, now - last.at)) : 0;
      const room = limit - (last?.pending ?? 0) + presumed;
      return unseen < room * Math.max(MIN_SHARE, share ?? 1) ? undefined : 'backlog';
    },

    begin() {
      inFlight++;
      unseen++;
      let isOpen = true;
      return (isPlaced) => {
        if (!isOpen) return;
        isOpen = false;
        inFlight--;
        if (isPlaced) placed++;
        else unseen = Math.max(0, unseen - 1);
      };
    },

    get waitMs() {
      if (!last || last.pending === 0) return 0;
      return rate > 0 ? last.pending / rate : last.oldestMs;
    },
    get overMs() {
      if (!last || isStalled || rate === 0) return undefined;
      return Math.max(0, last.pending - limit) / rate;
    },
  };
}
