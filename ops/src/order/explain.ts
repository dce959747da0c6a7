import { duration } from '../command.ts';
import { NEVER_SENT } from '../outbox/read.ts';
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

/** The steps that participants have yet to take for an order that has ended, and why they have not. */
function unfinished(facts: OrderFacts): string {
  const { order, reservation, redemption, payment } = facts;
  const left: { readonly group: string; readonly what: string }[] = [];
  const add = (group: string, what: string) => void left.push({ group, what });
  if (order?.status === 'COMPLETED' && reservation?.status !== 'SOLD')
    add('catalog', `catalog has the reservation as ${reservation?.status ?? 'none'}`);
  if (order?.status === 'CANCELLED' && (reservation?.status === 'ACTIVE' || reservation?.status === 'SOLD'))
    add('catalog', `catalog still holds the stock (${reservation.status})`);
  if (order?.status === 'CANCELLED' && reservation?.status === 'WAITING')
    add('catalog', 'catalog still has it in line');
  if (order?.status === 'CANCELLED' && redemption?.status === 'REDEEMED') add('coupon', 'coupon has not given it back');
  if (order?.status === 'CANCELLED' && payment?.status === 'COMPLETED') add('payment', 'payment has not refunded it');
  const news = order?.status === 'COMPLETED' ? ['order-completed'] : ['order-cancelled'];
  const cause = (group: string) => obstacle(facts) ?? givenUp(facts, group, news) ?? 'the news is on its way';
  return [...Map.groupBy(left, ({ group }) => cause(group))]
    .map(([why, steps]) => ` But ${steps.map(({ what }) => what).join(' and ')}: ${why}.`)
    .join('');
}

function pendingCause(facts: OrderFacts): string {
  const { group, news, words } = nextStep(facts);
  const cause = obstacle(facts) ?? givenUp(facts, group, news);
  return cause ? `${cause}.` : words;
}

/** The step that a PENDING order waits for: the group that must hear which news, and in words what has not happened. */
interface NextStep {
  readonly group: string;
  readonly news: readonly string[];
  readonly words: string;
}

function nextStep({ order, reservation, redemption, payment }: OrderFacts): NextStep {
  const step = (group: string, news: readonly string[], words: string): NextStep => ({ group, news, words });
  if (!reservation)
    return step('catalog', ['order-created'], 'catalog has not heard of it yet, or is behind; `status` shows its lag.');
  if (reservation.status === 'WAITING')
    return step(
      'catalog',
      [],
      'it waits in line for pieces that other orders hold and have not paid; they are sold, or come back by those orders’ deadlines.',
    );
  const unheard = (news: readonly string[], words: string) =>
    step('order', news, `${words}, which the order service has not heard yet.`);
  const why = ({ reason }: { readonly reason: string | null }) => `(${reason ?? 'no reason'})`;
  if (reservation.status === 'REJECTED') return unheard(['stock-rejected'], `catalog rejected it ${why(reservation)}`);
  const behind = (group: string) =>
    `its stock is reserved, and ${group} has not heard of it yet, or is behind; \`status\` shows its lag.`;
  if (order?.couponId && !redemption) return step('coupon', ['stock-reserved'], behind('coupon'));
  if (redemption?.status === 'REJECTED')
    return unheard(['coupon-rejected'], `its coupon was rejected ${why(redemption)}`);
  if (!payment) return step('payment', [order?.couponId ? 'coupon-redeemed' : 'stock-reserved'], behind('payment'));
  if (payment.status === 'FAILED') return unheard(['payment-failed'], `payment failed ${why(payment)}`);
  return step(
    'order',
    ['stock-reserved', 'coupon-redeemed', 'payment-completed'],
    `stock is ${reservation.status} and payment ${payment.status}, which the order service has not heard yet; \`status\` shows its lag.`,
  );
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

/** The news that a group will not hear, since an operator gave it up: in the outbox, or as the group's dead letter. */
function givenUp({ deadLetters }: OrderFacts, group: string, news: readonly string[]): string | undefined {
  const letter = deadLetters.find(
    (it) =>
      it.status === 'DISCARDED' &&
      (it.group === group || it.group === NEVER_SENT) &&
      (it.type === null ? news.length > 0 : news.includes(it.type)),
  );
  if (!letter) return undefined;
  const where =
    letter.group === NEVER_SENT ? `set aside in the outbox of ${letter.service}` : `discarded for group ${group}`;
  return `${letter.type ?? 'an unreadable message'} was ${where} (${letter.ref}): ${letter.resolution ?? 'no reason kept'}`;
}
