import type { LogRecord } from '../audit/log.ts';
import { worthInWords } from '../coupon-worth.ts';
import type { OrderFacts } from './facts.ts';

/** What can follow from what. Of one millisecond the earlier step comes first. */
const STEPS: readonly (readonly string[])[] = [
  ['order-created'],
  ['stock-reserved', 'stock-rejected'],
  ['coupon-redeemed', 'coupon-rejected'],
  ['payment-completed', 'payment-failed'],
  ['order-completed'],
  ['order-cancelled'],
  ['payment-refunded'],
];

function stepOf(type: string | undefined): number {
  const step = STEPS.findIndex((types) => types.includes(type ?? ''));
  return step < 0 ? STEPS.length : step;
}

/** The event that brings a row of another service into this state. */
const CAUSES: Readonly<Record<string, string>> = {
  SOLD: 'order-completed',
  RELEASED: 'order-cancelled',
  RETURNED: 'order-cancelled',
  VOID: 'order-cancelled',
  REFUNDED: 'payment-refunded',
};

export interface TimelineEntry {
  readonly at: Date;
  readonly where: string;
  readonly what: string;
}

/** The history of an order across services and topics, oldest first; of one millisecond, cause before effect. */
// One function: it is a list of entries, a few lines for each table that an order has rows in.
export function timeline(facts: OrderFacts, records: readonly LogRecord[]): TimelineEntry[] {
  const entries: (TimelineEntry & { readonly step: number })[] = [];
  /** @param type the event that it is, or belongs to */
  const add = (type: string | undefined, at: Date | null | undefined, where: string, what: string): void => {
    if (at) entries.push({ at, where, what, step: stepOf(type) });
  };
  const { order, reservation, redemption, coupon, payment } = facts;
  if (order)
    add(
      'order-created',
      order.createdAt,
      'order',
      `placed by user ${order.userId}: ${facts.items.map((item) => `${item.quantity} × ${item.name ?? `product ${item.productId}`}`).join(', ')}${order.couponId ? `, with coupon ${order.couponId}` : ''}`,
    );
  for (const step of facts.history) add(step.type, step.at, 'order', `history ${step.seq}: ${step.type}`);
  if (reservation) {
    add(
      'stock-reserved',
      reservation.createdAt,
      'catalog',
      `first heard of it; reservation of ${reservation.totalAmount} won`,
    );
    add(
      CAUSES[reservation.status] ?? 'stock-reserved',
      reservation.updatedAt,
      'catalog',
      `reservation ${reservation.status}${reservation.reason ? ` (${reservation.reason})` : ''}`,
    );
  }
  if (redemption) {
    const { discountAmount, status, reason } = redemption;
    add('coupon-redeemed', redemption.createdAt, 'coupon', `first heard of it; discount of ${discountAmount ?? 0} won`);
    add(
      CAUSES[status] ?? 'coupon-redeemed',
      redemption.updatedAt,
      'coupon',
      `redemption ${status}${reason ? ` (${reason})` : ''}`,
    );
  }
  if (coupon) {
    const until = coupon.expiresAt.toISOString();
    add(
      'order-created',
      coupon.issuedAt,
      'coupon',
      `coupon of ${worthInWords(coupon)} issued to user ${coupon.userId}, until ${until}`,
    );
    add(
      'coupon-redeemed',
      coupon.usedAt,
      'coupon',
      `coupon USED by ${coupon.orderId === facts.orderId ? 'this order' : coupon.orderId}`,
    );
  }
  if (payment) {
    const discount = payment.discountAmount > 0 ? ` after a discount of ${payment.discountAmount}` : '';
    add(
      'payment-completed',
      payment.createdAt,
      'payment',
      `first heard of it; payment of ${payment.paidAmount} won${discount}`,
    );
    add(
      CAUSES[payment.status] ?? 'payment-completed',
      payment.updatedAt,
      'payment',
      `payment ${payment.status}${payment.reason ? ` (${payment.reason})` : ''}`,
    );
  }
  for (const entry of facts.points)
    add(
      entry.type === 'REFUND' ? 'payment-refunded' : 'payment-completed',
      entry.at,
      'payment',
      `points ${entry.type} ${entry.amount}, balance ${entry.balanceAfter}`,
    );
  for (const { part, service, begins, what, status, createdAt, updatedAt } of facts.told) {
    add(begins, createdAt, service, `first heard of it; ${what}`);
    add(begins, updatedAt, service, `${part} ${status}`);
  }
  for (const { group, type, at } of facts.applied) add(type, at, `${group} inbox`, `applied ${type}`);
  for (const event of facts.outbox)
    add(event.type, event.createdAt, `${event.service} outbox`, `${event.type} waits to be sent`);
  for (const letter of facts.deadLetters) {
    add(
      undefined,
      letter.failedAt,
      `${letter.group} dead letter`,
      `${letter.ref} ${letter.status} ${letter.type ?? '(unreadable)'}${letter.error ? `: ${letter.error}` : ''}`,
    );
  }
  for (const record of records) {
    add(
      record.type,
      new Date(record.timestamp),
      `${record.topic}/${record.partition}@${record.offset}`,
      `${record.type ?? 'no type'} ${record.id ?? ''}`.trimEnd(),
    );
  }
  return entries
    .sort((a, b) => a.at.getTime() - b.at.getTime() || a.step - b.step)
    .map(({ at, where, what }) => ({ at, where, what }));
}
