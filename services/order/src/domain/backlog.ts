import { type Fate, standsStill } from './standstill.ts';

/** Window for counting completions, ms: long enough that one stall of the disk is not taken for a slow saga. */
const WINDOW_MS = 2_000;
/** Longest time for which orders are assumed to end at the last rate without a new count, ms. */
const PRESUMED_MS = 1_000;
/** Weight of the newest sample in an instance's measured share of all new orders. */
const NEWEST = 0.3;
/** Samples with fewer new orders say nothing about the instances' shares. */
const MIN_ARRIVALS = 20;
/** The PENDING orders are counted up to this number. Where there are as many there may be more, so no more begin. */
export const MOST_COUNTED = 10_000;
/** Share of the room that an instance may always use, even if it has had no orders lately. */
const MIN_SHARE = 0.1;

export interface BacklogOptions {
  /** Longest time that a new order should wait for the PENDING orders before it, ms. */
  readonly targetMs: number;
  /** Orders that may be PENDING however few end, as long as none is late and the greatest rate is not known. */
  readonly floor: number;
}

/** A reading of all orders in the database, of all instances. */
export interface BacklogSample {
  /** `MOST_COUNTED` where there are as many or more. */
  readonly pending: number;
  /**
   * Age of the oldest PENDING order, ms; 0 without one. A few stragglers are excluded: orders that are stuck for
   * reasons of their own, such as a dead letter.
   */
  readonly oldestMs: number;
  /** Orders that ended since the last sample, except those ended only by their deadline. */
  readonly ended: number;
  /**
   * What became of the newest orders, newest first, as `standsStill` wants it. Not needed while orders end.
   */
  readonly newest: readonly Fate[];
}

/** Age from which a PENDING order is late, in times of the target. */
export const LATE_TARGETS = 2;

/** Why no order is accepted: too many are PENDING for the rate of completions, or none ends at all. */
export type BacklogRefusal = 'backlog' | 'stalled';

/**
 * Limits how many new orders may begin. By Little's law a new order waits for PENDING ÷ completions a second, and this
 * is kept under a target. All times are ms on one clock that runs forward.
 */
export interface Backlog {
  /** Called before the database is read. Pass the result to the returned function. */
  sample(now: number): (sample: BacklogSample) => void;
  /** Undefined while one more order may begin. */
  refusal(now: number): BacklogRefusal | undefined;
  /** Notes that an order begins. Call the returned function with whether it is in the database. */
  begin(): (isPlaced: boolean) => void;
  /** How long a new order has to wait, ms, by the last sample. */
  readonly waitMs: number;
  /** Time until the backlog is back at its limit, ms; undefined while nothing ends. */
  readonly overMs: number | undefined;
}

/** The measurements from the samples so far. */
interface Measured {
  /** The newest sample, and when it was read. */
  readonly last: (BacklogSample & { readonly at: number }) | undefined;
  /** Numbers of orders that ended between recent samples. */
  readonly ends: readonly { readonly since: number; readonly ended: number }[];
  /** Orders that end in a millisecond. */
  readonly rate: number;
  readonly limit: number;
  readonly isStalled: boolean;
  /** True when no order ends, and none of the newest did: one order is let in to find out, and no other beside it. */
  readonly isProbing: boolean;
  /** True when orders have queued for so long that the saga has been busy all the time: it ends no more than `rate`. */
  readonly isSaturated: boolean;
}

export function createBacklog(options: BacklogOptions): Backlog {
  const { floor } = options;
  let measured: Measured = {
    ...{ last: undefined, ends: [], rate: 0, limit: floor },
    ...{ isStalled: false, isProbing: false, isSaturated: false },
  };
  /** Orders begun here, neither in the database nor refused yet. */
  let inFlight = 0;
  /** Orders begun here, possibly not in the sample. */
  let unseen = 0;
  /** Orders begun here since the last sample, and in the database. */
  let placed = 0;
  /** This instance's share of all new orders, 0 … 1; undefined until there were some. */
  let share: number | undefined;

  return {
    sample(now) {
      const inFlightThen = inFlight;
      const own = placed;
      const unseenBefore = unseen;
      return (sample) => {
        share = shareAfter(share, own, measured, sample);
        placed -= own;
        // Orders in flight when the reading began may or may not be in it, so they count until the next.
        unseen = Math.max(0, unseen - unseenBefore + inFlightThen);
        measured = measuredAfter(measured, sample, now, options);
      };
    },

    refusal(now) {
      if (measured.isStalled) return 'stalled';
      // While orders wait, they are the probe: as soon as one of them ends, the door opens.
      if (measured.isProbing) return unseen === 0 && measured.last?.pending === 0 ? undefined : 'stalled';
      return unseen < roomFor(measured, now) * Math.max(MIN_SHARE, share ?? 1) ? undefined : 'backlog';
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
      return waitOf(measured);
    },
    get overMs() {
      return timeOver(measured);
    },
  };
}

/** @param own new orders of this instance since the last sample */
function shareAfter(share: number | undefined, own: number, { last }: Measured, sample: BacklogSample) {
  const arrivals = last ? sample.pending - last.pending + sample.ended : 0;
  if (arrivals < MIN_ARRIVALS) return share;
  const seen = Math.min(1, own / arrivals);
  return share === undefined ? seen : share + (seen - share) * NEWEST;
}

function measuredAfter(
  before: Measured,
  sample: BacklogSample,
  at: number,
  { targetMs, floor }: BacklogOptions,
): Measured {
  const { pending, oldestMs } = sample;
  const { ends, rate } = rateAfter(before, sample, at, targetMs);
  let { isSaturated } = before;
  if (oldestMs < targetMs / 2) isSaturated = false;
  // Right after a stall the rate is still too low.
  else if (oldestMs > targetMs && ends.length > 0 && ends.every((it) => it.ended > 0)) isSaturated = true;
  const isLate = oldestMs > LATE_TARGETS * targetMs;
  const isStalled = isLate && pending > 0 && rate === 0;
  const isProbing = rate === 0 && standsStill(sample.newest);
  const wanted = isLate || isSaturated ? rate * targetMs : Math.max(floor, rate * targetMs);
  const limit = Math.min(wanted, MOST_COUNTED);
  return { last: { ...sample, at }, ends, rate, limit, isStalled, isProbing, isSaturated };
}

function rateAfter(
  before: Measured,
  { ended, oldestMs }: BacklogSample,
  at: number,
  targetMs: number,
): Pick<Measured, 'ends' | 'rate'> {
  const since = before.last?.at;
  if (since === undefined) return before;
  const ends = [...before.ends.filter((it) => it.since >= at - WINDOW_MS), { since, ended }];
  const total = ends.reduce((sum, it) => sum + it.ended, 0);
  const steady = total / Math.max(1, at - (ends[0]?.since ?? since));
  // At the beginning of a rush the seconds before it say little.
  const rate = oldestMs < targetMs / 2 ? Math.max(steady, ended / Math.max(1, at - since)) : steady;
  return { ends, rate };
}

/** How many further orders may be PENDING; completions since the last sample are presumed. */
function roomFor({ last, rate, limit }: Measured, now: number): number {
  if (last && last.pending >= MOST_COUNTED) return 0;
  const presumed = last ? rate * Math.min(PRESUMED_MS, Math.max(0, now - last.at)) : 0;
  return limit - (last?.pending ?? 0) + presumed;
}

function waitOf({ last, rate }: Measured): number {
  if (!last || last.pending === 0) return 0;
  return rate > 0 ? last.pending / rate : last.oldestMs;
}

function timeOver({ last, rate, limit, isStalled, isProbing }: Measured): number | undefined {
  if (!last || isStalled || isProbing || rate === 0) return undefined;
  return Math.max(0, last.pending - limit) / rate;
}
