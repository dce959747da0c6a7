import { duration } from '../command.ts';
import type { OrderFacts, OrderRow } from './facts.ts';

/** Explains in one sentence what happened to an order, or what it waits for. */
export function explain(facts: OrderFacts, now: Date): string {
  const { order } = facts;
  if (!order) return withoutOrder(facts);
  switch (order.status) {
    case 'COMPLETED':
      return `Completed ${after(order)} after it was placed; ${won(order.paidAmount)} paid${discount(order)}.${unfinished(facts)}`;
    case 'CANCELLED':
      return `Cancelled (${order.reason ?? 'no reason'})${order.completedAt ? ` after it had completed ${after(order)} after it was placed` : ''}.${unfinished(facts)}`;
    case 'PENDING':
      return `Pending for ${duration(now.getTime() - order.createdAt.getTime())}: ${pendingCause(facts)}`;
    default:
      return `In the unknown state ${String(order.status satisfies never)}.`;
  }
}

function withoutOrder({ orderId, reservation, redemption, payment }: OrderFacts): string {
  if (!reservation && !redemption && !payment) return `No service knows an order ${orderId}.`;
  return `The order service has no order ${orderId}, but catalog has ${reservation?.status ?? 'nothing'}, coupon ${redemption?.status ?? 'nothing'} and payment ${payment?.status ?? 'nothing'}: that must not be; run \`audit\`.`;
}

function after(order: OrderRow): string {
  return order.completedAt ? duration(order.completedAt.getTime() - order.createdAt.getTime()) : 'an unknown time';
}

function discount({ discountAmount }: OrderRow): string {
  return discountAmount ? ` after a discount of ${won(discountAmount)}` : '';
}

function won(amount: number | null): string {
  return amount === null ? 'an unknown amount' : `${amount.toLocaleString('en')} won`;
}

/** The steps that participants have yet to take for an order that has ended. */
function unfinished(facts: OrderFacts): string {
  const { order, reservation, redemption, payment } = facts;
  const left: string[] = [];
  if (order?.status === 'COMPLETED' && reservation?.status !== 'SOLD')
    left.push(`catalog has the reservation as ${reservation?.status ?? 'none'}`);
  if (order?.status === 'CANCELLED' && (reservation?.status === 'ACTIVE' || reservation?.status === 'SOLD'))
    left.push(`catalog still holds the stock (${reservation.status})`);
  if (order?.status === 'CANCELLED' && reservation?.status === 'WAITING') left.push('catalog still has it in line');
  if (order?.status === 'CANCELLED' && redemption?.status === 'REDEEMED') left.push('coupon has not given it back');
  if (order?.status === 'CANCELLED' && payment?.status === 'COMPLETED') left.push('payment has not refunded it');
  if (left.length === 0) return '';
  return ` But ${left.join(' and ')}: ${obstacle(facts) ?? 'the news is on its way'}.`;
}

function pendingCause(facts: OrderFacts): string {
  const { order, reservation, redemption, payment } = facts;
  const obstacleNow = obstacle(facts);
  if (obstacleNow) return `${obstacleNow}.`;
  if (!reservation) return 'catalog has not heard of it yet, or is behind; `status` shows its lag.';
  if (reservation.status === 'WAITING')
    return 'it waits in line for pieces that other orders hold and have not paid; they are sold, or come back by those orders’ deadlines.';
  if (reservation.status === 'REJECTED')
    return `catalog rejected it (${reservation.reason ?? 'no reason'}), which the order service has not heard yet.`;
  if (order?.couponId && !redemption)
    return 'its stock is reserved, and coupon has not heard of it yet, or is behind; `status` shows its lag.';
  if (redemption?.status === 'REJECTED')
    return `its coupon was rejected (${redemption.reason ?? 'no reason'}), which the order service has not heard yet.`;
  if (!payment)
    return 'its stock is reserved, and payment has not heard of it yet, or is behind; `status` shows its lag.';
  if (payment.status === 'FAILED')
    return `payment failed (${payment.reason ?? 'no reason'}), which the order service has not heard yet.`;
  return `stock is ${reservation.status} and payment ${payment.status}, which the order service has not heard yet; \`status\` shows its lag.`;
}

/** A dead letter or a full outbox that blocks the order. */
function obstacle({ deadLetters, outbox }: OrderFacts): string | undefined {
  const front = deadLetters.find((letter) => letter.status === 'DEAD' || letter.status === 'REDRIVE');
  if (front) {
    const behind = deadLetters.filter((letter) => letter.group === front.group && letter.status === 'PARKED').length;
    const parked = behind > 0 ? `, with ${behind} message${behind === 1 ? '' : 's'} parked behind it` : '';
    return `${front.group} could not handle ${front.type ?? 'an unreadable message'} (dead letter ${front.ref}: ${front.error ?? 'no error kept'})${parked}`;
  }
  const waiting = outbox[0];
  return waiting
    ? `${waiting.type} waits in the outbox of ${waiting.service} since ${waiting.createdAt.toISOString()}`
    : undefined;
}
