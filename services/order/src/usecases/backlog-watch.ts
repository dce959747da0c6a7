import type { Metrics } from '@shop/chassis';
import type { Backlog } from '../domain/backlog.ts';
import type { Admission, OrdersRead } from './admission.ts';

/** A reading of the orders. */
export interface BacklogRead extends OrdersRead {
  /** Creation time of the oldest PENDING order; null without one. */
  readonly first: Date | null;
  /** The same without the orders that wait in line for pieces: their age says nothing about the speed of the saga. */
  readonly firstUnderway: Date | null;
}

interface Options {
  readonly admission: Pick<Admission, 'measure'>;
  readonly backlog: Pick<Backlog, 'waitMs'>;
  readonly read: () => Promise<BacklogRead>;
  /** Interval of the looks while there is work, ms. */
  readonly everyMs: number;
  readonly metrics: Metrics;
  /** The clock of the orders' times, ms since the epoch. */
  readonly nowMs: () => number;
}

/** Reads the PENDING orders at intervals and informs admission. */
export function createBacklogWatch({ admission, backlog, read, everyMs, metrics, nowMs }: Options) {
  const oldestSeconds = metrics.gauge('order_oldest_pending_seconds', 'Age of the oldest PENDING order');
  const underwaySeconds = metrics.gauge(
    'order_oldest_underway_seconds',
    'Age of the oldest PENDING order that does not wait in line for pieces',
  );
  const backlogSeconds = metrics.gauge('order_backlog_seconds', 'How long a new order has to wait for those before it');
  let oldestAt: Date | null = null;
  let underwayAt: Date | null = null;
  let lookedAt = 0;
  const ageMs = (at: Date | null) => (at ? Math.max(0, nowMs() - at.getTime()) : 0);
  /** Age of the oldest PENDING order, ms; 0 without one. */
  const oldestMs = () => ageMs(oldestAt);
  return {
    oldestMs,

    /** True when the last look found nothing PENDING and is some time ago: a new order should be seen at once. */
    isResting: () => oldestAt === null && nowMs() - lookedAt > everyMs,

    /** @returns whether any order is PENDING */
    async look(): Promise<boolean> {
      lookedAt = nowMs();
      await admission.measure(async () => {
        const found = await read();
        oldestAt = found.first;
        underwayAt = found.firstUnderway;
        return found;
      });
      oldestSeconds.set(oldestMs() / 1_000);
      underwaySeconds.set(ageMs(underwayAt) / 1_000);
      backlogSeconds.set(backlog.waitMs / 1_000);
      return oldestAt !== null;
    },
  };
}
