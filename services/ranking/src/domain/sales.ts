import type { ReceivedEvent } from '@shop/events';
import type { BusinessDay } from './business-day.ts';

/** The events that ranking consumes. */
export const SALES_EVENTS = ['order-completed', 'order-cancelled', 'product-changed'] as const;
export type SalesEventType = (typeof SALES_EVENTS)[number];
type Heard<T extends SalesEventType> = T extends SalesEventType ? Pick<ReceivedEvent<T>, 'type' | 'data'> : never;
export type SalesEvent = Heard<SalesEventType>;

/** Pieces to add to the total of a product's day; negative if more were returned than bought. */
export interface Sale {
  readonly day: BusinessDay;
  readonly productId: number;
  readonly quantity: number;
}

/** A product's name and price (won). `version` is that of the catalog's row; 0 if only an order's line is known. */
export interface ProductName {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly version: number;
}

/**
 * Sums a batch by day and product, in this order, in which the rows are locked. A cancelled order that had completed is
 * subtracted on its day of completion. Sums may be negative: orders end in another order than their events are
 * consumed. Sums of 0 are left out.
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

/**
 * The best known name of each product in a batch, by product id: the latest change, else the first line that names it.
 */
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
 * Whether ranking wants a message, by its headers: an order that never completed has no sales to subtract. A message
 * without the attribute is older than it, and wanted.
 */
export function wantsSale(headers: Readonly<Record<string, string>>): boolean {
  return headers.ce_type !== 'order-cancelled' || headers.ce_wascompleted !== 'false';
}
