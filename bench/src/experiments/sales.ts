import { seeded } from '../profiles.ts';

const DAY_MS = 86_400_000;
const ZONE_MS = 9 * 3_600_000;
/** The last business day of the sales, in Asia/Seoul, complete. */
const LAST_DAY = '2026-01-30';
const A_BATCH = 1_000;
/** One in this many orders is cancelled. */
const CANCELLED_ONE_IN = 10;

export interface Sale {
  readonly orderId: string;
  readonly userId: number;
  /** UTC. */
  readonly at: Date;
  readonly completed: boolean;
  readonly lines: readonly { readonly productId: number; readonly quantity: number }[];
}

export interface SalesSize {
  readonly orders: number;
  readonly products: number;
  readonly days: number;
}

/**
 * Orders in time order, equal for equal sizes: one to three lines, with a few products that sell much and many that
 * sell little.
 */
export function* sales({ orders, products, days }: SalesSize): Generator<Sale> {
  const random = seeded(orders);
  const end = endOfDay(LAST_DAY).getTime();
  for (let n = 0; n < orders; n++) {
    const at = new Date(end - Math.floor((days * DAY_MS * (orders - n)) / orders));
    const chosen = new Map<number, number>();
    const wanted = Math.min(products, 1 + Math.floor(random() * 3));
    while (chosen.size < wanted) chosen.set(drawProduct(products, random()), 1 + Math.floor(random() * 3));
    yield {
      orderId: orderIdOf(at, n),
      userId: 1 + Math.floor(random() * 10_000),
      at,
      completed: n % CANCELLED_ONE_IN !== 0,
      lines: [...chosen].map(([productId, quantity]) => ({ productId, quantity })),
    };
  }
}

/** Draws small numbers much more often. */
export function drawProduct(products: number, random: number): number {
  return 1 + Math.floor(products * random ** 2);
}

/** A UUID that begins with its time, like the shop's. */
export function orderIdOf(at: Date, n: number): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** The business days of the window (the last `count`), oldest first, with its bounds in UTC. */
export function lastDays(count: number): { days: string[]; from: Date; to: Date } {
  const to = endOfDay(LAST_DAY);
  const days = Array.from({ length: count }, (_, index) =>
    businessDay(new Date(to.getTime() - (count - index) * DAY_MS)),
  );
  return { days, from: new Date(to.getTime() - count * DAY_MS), to };
}

export function businessDay(at: Date): string {
  return new Date(at.getTime() + ZONE_MS).toISOString().slice(0, 10);
}

function endOfDay(day: string): Date {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS - ZONE_MS);
}

/** `yyyy-mm-dd product` → pieces sold. */
export function dailyTotals(all: Iterable<Sale>): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { completed, at, lines } of all) {
    if (!completed) continue;
    const day = businessDay(at);
    for (const { productId, quantity } of lines) {
      const key = `${day} ${productId}`;
      totals.set(key, (totals.get(key) ?? 0) + quantity);
    }
  }
  return totals;
}

export interface Popular {
  readonly productId: number;
  readonly sold: number;
}

/** The best sold products of some days, from the totals: the answer every way must give. */
export function popularOf(totals: ReadonlyMap<string, number>, days: readonly string[], limit = 5): Popular[] {
  const sold = new Map<number, number>();
  for (const [key, quantity] of totals) {
    if (!days.includes(key.slice(0, 10))) continue;
    const productId = Number(key.slice(11));
    sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  return [...sold]
    .map(([productId, quantity]) => ({ productId, sold: quantity }))
    .sort((a, b) => b.sold - a.sold || a.productId - b.productId)
    .slice(0, limit);
}

export function* inBatches<T>(all: Iterable<T>, size = A_BATCH): Generator<T[]> {
  let batch: T[] = [];
  for (const each of all) {
    batch.push(each);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
