import { DomainError } from '@shop/chassis';
import type { Backlog, BacklogRefusal, BacklogSample } from '../domain/backlog.ts';
import type { Placed } from './place-order.ts';

/** Longest time, s, that a refused client is sent away for. */
const MAX_RETRY_AFTER = 15;

export interface AdmissionOptions {
  /** Whether this process can publish and hear events yet. */
  readonly ready: () => boolean;
  readonly deadlineMs: number;
  /** The share of the deadline (0 … 1) that the oldest order may have used up before new ones are refused. */
  readonly share: number;
  readonly now: () => Date;
  /** How many orders may begin, by what ends. */
  readonly backlog: Backlog;
  /** 0 … 1; spreads Retry-After. */
  readonly random?: () => number;
  /** Told of every refusal. */
  readonly refused?: (reason: AdmissionRefusal) => void;
}

export type AdmissionRefusal = BacklogRefusal | 'oldest' | 'starting';

/** A reading of the orders of all instances. */
export interface OrdersRead extends Omit<BacklogSample, 'oldestMs'> {
  /** When the oldest PENDING order was created that is no straggler; null when none is. */
  readonly oldest: Date | null;
}

/** Whether orders are taken: while the saga lags, more of them would only be cancelled by their deadline. */
export interface Admission {
  /** Reads the orders anew; to be called every now and then. A failed reading changes nothing. */
  measure(read: () => Promise<OrdersRead>): Promise<void>;
  /** @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready */
  checkReady(): void;
  /**
   * Whether one more order may begin. Call `begin` in the same turn.
   * @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready, while the oldest order nears its deadline,
   *   while the backlog is at its limit, and while no order ends
   */
  check(): void;
  /** An order is on its way into the database. Tell what became of it: whether it is there now. */
  begin(): (isPlaced: boolean) => void;
  /** Age of the oldest PENDING order when last measured, ms. */
  readonly oldestMs: number;
}

/** Counts an order as begun until it is placed, or is not. */
export async function countBegun(admission: Pick<Admission, 'begin'>, placing: Promise<Placed>): Promise<Placed> {
  const ended = admission.begin();
  try {
    const placed = await placing;
    ended(!placed.replayed);
    return placed;
  } catch (error) {
    // One whose commit has an unknown outcome may be there: the next reading tells.
    ended(false);
    throw error;
  }
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { ready, deadlineMs, share, now, backlog, random = Math.random, refused } = options;
  const limitMs = deadlineMs * share;
  const nowMs = () => now().getTime();
  let oldestMs = 0;
  /** Since the last measurement. */
  let admittedNow = 0;
  let refusedNow = 0;
  /** Requests that were refused for each that was taken, between the last two measurements. */
  let excess = 0;

  function checkReady(): void {
    if (ready()) return;
    refused?.('starting');
    throw new DomainError('SERVICE_UNAVAILABLE', 'The service is starting.');
  }

  /** Spread over a window that grows with the backlog and the refusals: clients must not all come back at once. */
  function retryAfter(reason: BacklogRefusal | 'oldest'): number {
    // Stragglers of a stall are over at the latest when their deadline ends them.
    const untilDeadline = Math.max(0, deadlineMs - oldestMs) / 1000 + 1;
    const over = reason === 'oldest' ? untilDeadline : (backlog.overMs ?? deadlineMs / 6) / 1000;
    const window = Math.min(MAX_RETRY_AFTER - 1, over + Math.min(excess, 10));
    return 1 + Math.round((window / 2) * (1 + random()));
  }

  return {
    checkReady,
    async measure(read) {
      const sampled = backlog.sample(nowMs());
      const { oldest, ...sample } = await read();
      oldestMs = oldest ? Math.max(0, nowMs() - oldest.getTime()) : 0;
      sampled({ ...sample, oldestMs });
      excess = refusedNow / Math.max(1, admittedNow);
      admittedNow = 0;
      refusedNow = 0;
    },
    check() {
      checkReady();
      const reason = oldestMs > limitMs ? 'oldest' : backlog.refusal(nowMs());
      if (!reason) return;
      refusedNow++;
      refused?.(reason);
      throw new DomainError('SERVICE_UNAVAILABLE', 'Orders take too long at the moment; none was placed.', {
        retryAfterSeconds: retryAfter(reason),
      });
    },
    begin() {
      admittedNow++;
      return backlog.begin();
    },
    get oldestMs() {
      return oldestMs;
    },
  };
}
