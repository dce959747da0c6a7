import type { LogRecord } from '../audit/log.ts';
import { worthInWords } from '../coupon-worth.ts';
import type { OrderFacts } from './facts.ts';

export interface TimelineEntry {
  readonly at: Date;
  readonly where: string;
  readonly what: string;
}

/** The history of an order across services and topics, oldest first. */
export function timeline(facts: OrderFacts, records: readonly LogRecord[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const add = (at: Date | null | undefined, where: string, what: string): void => {
    if (at) entries.push({ at, where, what });
  };
  const { order, reservation, redemption, coupon, payment, shipment } = facts;
  if (order)
    add(
      order.createdAt,
      'order',
      `placed by user ${order.userId}: ${facts.items.map((item) => `${item.quantity} × ${item.name ?? `product ${item.productId}`}`).join(', ')}${order.couponId ? `, with coupon ${order.couponId}` : ''}`,
    );
  for (const step of facts.history) add(step.at, 'order', `history ${step.seq}: ${step.type}`);
  if (reservation) {
    add(reservation.createdAt, 'catalog', `first heard of it; reservation of ${reservation.totalAmount} won`);
    add(
      reservation.updatedAt,
      'catalog',
      `reservation ${reservation.status}${reservation.reason ? ` (${reservation.reason})` : ''}`,
    );
  }
  if (redemption) {
    const { discountAmount, status, reason } = redemption;
    add(redemption.createdAt, 'coupon', `first heard of it; discount of ${discountAmount ?? 0} won`);
    add(redemption.updatedAt, 'coupon', `redemption ${status}${reason ? ` (${reason})` : ''}`);
  }
  if (coupon) {
    const until = coupon.expiresAt.toISOString();
    add(coupon.issuedAt, 'coupon', `coupon of ${worthInWords(coupon)} issued to user ${coupon.userId}, until ${until}`);
    add(coupon.usedAt, 'coupon', `coupon USED by ${coupon.orderId === facts.orderId ? 'this order' : coupon.orderId}`);
  }
  if (payment) {
    const discount = payment.discountAmount > 0 ? ` after a discount of ${payment.discountAmount}` : '';
    add(payment.createdAt, 'payment', `first heard of it; payment of ${payment.paidAmount} won${discount}`);
    add(payment.updatedAt, 'payment', `payment ${payment.status}${payment.reason ? ` (${payment.reason})` : ''}`);
  }
  for (const entry of facts.points)
    add(entry.at, 'payment', `points ${entry.type} ${entry.amount}, balance ${entry.balanceAfter}`);
  if (shipment) {
    add(shipment.createdAt, 'shipping', `first heard of it; parcel of ${shipment.pieces} pieces`);
    add(shipment.updatedAt, 'shipping', `shipment ${shipment.status}`);
  }
  for (const { group, type, at } of facts.applied) add(at, `${group} inbox`, `applied ${type}`);
  for (const event of facts.outbox) add(event.createdAt, `${event.service} outbox`, `${event.type} waits to be sent`);
  for (const letter of facts.deadLetters) {
    add(
      letter.failedAt,
      `${letter.group} dead letter`,
      `${letter.ref} ${letter.status} ${letter.type ?? '(unreadable)'}${letter.error ? `: ${letter.error}` : ''}`,
    );
  }
  for (const record of records) {
    add(
      new Date(record.timestamp),
      `${record.topic}/${record.partition}@${record.offset}`,
      `${record.type ?? 'no type'} ${record.id ?? ''}`.trimEnd(),
    );
  }
  return entries.sort((a, b) => a.at.getTime() - b.at.getTime());
}
