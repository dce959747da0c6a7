/** The outcome of a buyer's request for a coupon. */
export type CouponEnd = 'issued' | 'alreadyOwn' | 'soldOut';

/** The counts of a rush at a moment. */
export interface Counts {
  readonly buyers: number;
  /** Buyers that are finished. Fewer than `buyers` at the end: the time limit was reached. */
  readonly ended: number;
  readonly coupons: Readonly<Record<CouponEnd | 'failed', number>>;
  readonly orders: {
    readonly completed: number;
    /** Orders ended by a decision of the shop, by its code. */
    readonly refused: Readonly<Record<string, number>>;
    /** Orders without an answer after all attempts, or answered with a fault. */
    readonly failed: number;
    /** Orders sent whose end is not known. */
    readonly pending: number;
  };
  /** Reasons of failed requests: `order SERVICE_UNAVAILABLE` → count. */
  readonly failures: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  /** Orders that ended (completed or refused) a second, until the last buyer ended. */
  readonly ordersPerSecond: number;
  /** 95th percentile of answer times, ms; null before the first. */
  readonly p95Ms: { readonly coupon: number | null; readonly order: number | null };
}

/** Counts during a rush. Times are ms on one clock. */
export interface Tally {
  coupon(end: CouponEnd, ms: number): void;
  couponFailed(code: string): void;
  /** An order is about to be sent. `completed`, `refused` or `orderFailed` ends it, otherwise it stays pending. */
  ordering(): void;
  completed(ms: number): void;
  refused(code: string, ms: number): void;
  orderFailed(code: string): void;
  /** A buyer got no token, so it sends no requests. */
  shutOut(code: string): void;
  buyerEnded(): void;
  counts(): Counts;
}

// One function: the methods are single counts, and `counts` reads all of them.
export function createTally(buyers: number, clock: () => number): Tally {
  const began = clock();
  const coupons = { issued: 0, alreadyOwn: 0, soldOut: 0, failed: 0 };
  const orders = { completed: 0, failed: 0, pending: 0 };
  const refused: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const couponMs: number[] = [];
  const orderMs: number[] = [];
  let ended = 0;
  let lastEnd = began;

  const fail = (what: string, code: string) => {
    failures[`${what} ${code}`] = (failures[`${what} ${code}`] ?? 0) + 1;
  };

  return {
    coupon(end, ms) {
      coupons[end]++;
      couponMs.push(ms);
    },
    couponFailed(code) {
      coupons.failed++;
      fail('coupon', code);
    },
    ordering() {
      orders.pending++;
    },
    completed(ms) {
      orders.pending--;
      orders.completed++;
      orderMs.push(ms);
    },
    refused(code, ms) {
      orders.pending--;
      refused[code] = (refused[code] ?? 0) + 1;
      orderMs.push(ms);
    },
    orderFailed(code) {
      orders.pending--;
      orders.failed++;
      fail('order', code);
    },
    shutOut(code) {
      coupons.failed++;
      orders.failed++;
      fail('token', code);
    },
    buyerEnded() {
      ended++;
      lastEnd = clock();
    },
    counts() {
      const elapsedMs = Math.round((ended < buyers ? clock() : lastEnd) - began);
      const perSecond = elapsedMs > 0 ? (orderMs.length * 1_000) / elapsedMs : 0;
      return {
        buyers,
        ended,
        coupons: { ...coupons },
        orders: { ...orders, refused: { ...refused } },
        failures: { ...failures },
        elapsedMs,
        ordersPerSecond: Math.round(perSecond * 10) / 10,
        p95Ms: { coupon: p95(couponMs), order: p95(orderMs) },
      };
    },
  };
}

/** By the nearest rank: a measured time, never one between two. */
function p95(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  const time = sorted[Math.ceil(sorted.length * 0.95) - 1];
  return time === undefined ? null : Math.round(time);
}
