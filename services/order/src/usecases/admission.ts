import { DomainError } from '@shop/chassis';
import type { Backlog, BacklogRefusal, BacklogSample } from '../domain/backlog.ts';
import type { Placed } from './place-order.ts';

/** Longest Retry-After of a refused client, s. */
const MAX_RETRY_AFTER = 15;

export interface AdmissionOptions {
  /** Whether this process can publish and consume events yet. */
  readonly ready: () => boolean;
  readonly deadlineMs: number;
  /** The share of its deadline (0 … 1) that the oldest order may have used before new ones are refused. */
  readonly share: number;
  /** The clock of the orders' times, ms since the epoch. */
  readonly nowMs: () => number;
  /** A clock that is never set back, ms: rates are measured by it. Default: `nowMs`. */
  readonly monotonicMs?: () => number;
  /** How many orders may begin, by the rate of completions. */
  readonly backlog: Backlog;
  /** 0 … 1; spreads Retry-After. */
  readonly random?: () => number;
  /** Called with every refusal. */
  readonly refused?: (reason: AdmissionRefusal) => void;
}

export type AdmissionRefusal = BacklogRefusal | 'oldest' | 'starting';
export const ADMISSION_REFUSALS: readonly AdmissionRefusal[] = ['backlog', 'stalled', 'oldest', 'starting'];

/** A reading of the orders of all instances. */
export interface OrdersRead extends Omit<BacklogSample, 'oldestMs'> {
  /** Creation time of the oldest PENDING order, stragglers excluded; null without one. */
  readonly oldest: Date | null;
}

/** Decides whether orders are accepted: while the saga lags, more orders would only miss their deadline. */
export interface Admission {
  /** Reads the orders again; called at intervals. A failed reading changes nothing. */
  measure(read: () => Promise<OrdersRead>): Promise<void>;
  /** @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready */
  checkReady(): void;
  /**
   * Whether one more order may begin. Call `begin` in the same turn.
   * @throws {DomainError} SERVICE_UNAVAILABLE before the process is ready, while the oldest order nears its deadline,
   *   while the backlog is at its limit, and while no order ends
   */
  check(): void;
  /** Notes that an order is on its way into the database. Call the returned function with whether it got there. */
  begin(): (isPlaced: boolean) => void;
  /** Age of the oldest PENDING order when last measured, ms; a few stragglers are excluded, as in `BacklogSample`. */
  readonly oldestMs: number;
}

/** Counts an order as begun until its placing succeeds or fails. */
export async function countBegun(admission: Pick<Admission, 'begin'>, placing: Promise<Placed>): Promise<Placed> {
  const ended = admission.begin();
  try {
    const placed = await placing;
    ended(!placed.replayed);
    return placed;
  } catch (error) {
    // After an unknown outcome of its commit the order may exist: the next reading tells.
    ended(false);
    throw error;
  }
}

// One function: its short steps count into the same four numbers, which `measure` renews together.
export function createAdmission(options: AdmissionOptions): Admission {
  const { ready, deadlineMs, share, nowMs, monotonicMs = nowMs, backlog, random = Math.random, refused } = options;
  const limitMs = deadlineMs * share;
  let oldestMs = 0;
  /** Counted since the last measurement. */
  let admittedNow = 0;
  let refusedNow = 0;
  /** Refused requests for each accepted one, between the last two measurements. */
  let excess = 0;

  function checkReady(): void {
    if (ready()) return;
    refused?.('starting');
    throw new DomainError('SERVICE_UNAVAILABLE', 'The service is starting.');
  }

  /** Random within a window that grows with the backlog and the refusals: clients must not all return at once. */
  function retryAfter(reason: BacklogRefusal | 'oldest'): number {
    // An order that stands still is ended by its deadline at the latest.
    const untilDeadline = Math.max(0, deadlineMs - oldestMs) / 1000 + 1;
    const over = reason === 'oldest' ? untilDeadline : (backlog.overMs ?? deadlineMs / 6) / 1000;
    const window = Math.min(MAX_RETRY_AFTER - 1, over + Math.min(excess, 10));
    return 1 + Math.round((window / 2) * (1 + random()));
  }

  return {
    checkReady,
    async measure(read) {
      const sampled = backlog.sample(monotonicMs());
      const { oldest, ...sample } = await read();
      oldestMs = oldest ? Math.max(0, nowMs() - oldest.getTime()) : 0;
      sampled({ ...sample, oldestMs });
      excess = refusedNow / Math.max(1, admittedNow);
      admittedNow = 0;
      refusedNow = 0;
    },
    check() {
      checkReady();
      const reason = oldestMs > limitMs ? 'oldest' : backlog.refusal(monotonicMs());
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
