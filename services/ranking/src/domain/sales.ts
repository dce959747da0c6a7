import type { ReceivedEvent } from '@shop/events';
import type { BusinessDay } from './business-day.ts';

/** What ranking hears. */
export const SALES_EVENTS = ['order-completed', 'order-cancelled', 'product-changed'] as const;
export type SalesEventType = (typeof SALES_EVENTS)[number];
type Heard<T extends SalesEventType> = T extends SalesEventType ? Pick<ReceivedEvent<T>, 'type' | 'data'> : never;
export type SalesEvent = Heard<SalesEventType>;

/** Pieces to add to the total of a product's day; negative where cancellations took back more than was bought. */
export interface Sale {
  readonly day: BusinessDay;
  readonly productId: number;
  readonly quantity: number;
}

/**
 * A product's name and price (won). `version` is that of the catalog's row; 0 where only the line of an order is known.
 */
export interface ProductName {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly version: number;
}

/**
 * What a batch adds to each day's products, in the order of day and product: the order in which their rows are locked.
 * A cancelled order that had completed is taken from the day on which it completed. Sums may well be negative: the
 * order in which orders end is not that in which they are heard. Those of 0 are left out.
 */
export function sumSales(events: readonly SalesEvent[], dayOf: (at: number) => BusinessDay): Sale[] {
  const sums = new Map<BusinessDay, Map<number, number>>();
  const add = (at: number, lines: readonly { productId: number; quantity: number }[], sign: 1 | -1) => {
    const day = dayOf(at);
    const ofDay = sums.get(day) ?? new Map<number, number>();
    sums.set(day, ofDay);
    for (const { productId, quantity } of lines) ofDay.set(productId, (ofDay.get(productId) ?? 0) + sign * quantity);
  };
  for (const event of events) {
    if (event.type === 'order-completed') add(event.data.completedAt, event.data.lines, 1);
    if (event.type === 'order-cancelled' && event.data.wasCompleted) {
      const { orderId, completedAt, lines } = event.data;
      if (completedAt === null) throw new Error(`order ${orderId} had completed, but it is not said when`);
      add(completedAt, lines, -1);
    }
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([day, ofDay]) =>
      [...ofDay].sort(([a], [b]) => a - b).map(([productId, quantity]) => ({ day, productId, quantity })),
    )
    .filter(({ quantity }) => quantity !== 0);
}

/** The best that a batch knows of each product, by product id: the latest change, else the first line that names it. */
export function namesIn(events: readonly SalesEvent[]): ProductName[] {
  const best = new Map<number, ProductName>();
  const offer = (it: ProductName) => {
    const known = best.get(it.productId);
    if (!known || it.version > known.version) best.set(it.productId, it);
  };
  for (const event of events) {
    if (event.type === 'product-changed') {
      const { productId, name, price, version } = event.data;
      offer({ productId, name, price, version });
    }
    if (event.type === 'order-completed')
      for (const { productId, name, unitPrice } of event.data.lines)
        offer({ productId, name, price: unitPrice, version: 0 });
  }
  return [...best.values()].sort((a, b) => a.productId - b.productId);
}

/**
 * Of what ranking hears, by the headers: an order that never completed has nothing to take back. A message without the
 * attribute is older than that: wanted.
 */
export function wantsSale(headers: Readonly<Record<string, string>>): boolean {
  return headers.ce_type !== 'order-cancelled' || headers.ce_wascompleted !== 'false';
}
