/** What became of a buyer's wish for a coupon. */
export type CouponEnd = 'issued' | 'alreadyOwn' | 'soldOut';

/** What is known of a rush at a moment. */
export interface Counts {
  readonly buyers: number;
  /** Buyers of whom nothing more will come. Fewer than `buyers` at the end: the time was over. */
  readonly ended: number;
  readonly coupons: Readonly<Record<CouponEnd | 'failed', number>>;
  readonly orders: {
    readonly completed: number;
    /** Ended by a decision of the shop, by its code. */
    readonly refused: Readonly<Record<string, number>>;
    /** Not answered, however often asked, or answered with a fault. */
    readonly failed: number;
    /** Sent, and their end not known. */
    readonly pending: number;
  };
  /** Why requests failed: `order SERVICE_UNAVAILABLE` → how many. */
  readonly failures: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  /** Orders that ended (completed or refused) a second, until the last buyer ended. */
  readonly ordersPerSecond: number;
  /** Of 100 answers, 95 came within so long, ms; null before the first. */
  readonly p95Ms: { readonly coupon: number | null; readonly order: number | null };
}

/** Counts while a rush goes on. Times are on one clock, in ms. */
export interface Tally {
  coupon(end: CouponEnd, ms: number): void;
  couponFailed(code: string): void;
  /** An order is about to be sent; `completed`, `refused` or `orderFailed` ends it, or it stays pending. */
  ordering(): void;
  completed(ms: number): void;
  refused(code: string, ms: number): void;
  orderFailed(code: string): void;
  /** A buyer who got no token asks for nothing. */
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

/** By the nearest rank: a time that was measured, never one between two. */
function p95(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  const time = sorted[Math.ceil(sorted.length * 0.95) - 1];
  return time === undefined ? null : Math.round(time);
}
