import { html } from 'lit-html';
import { call, Problem } from '../api.ts';
import { count, explain, explainCode, money, time, words } from '../i18n.ts';
import { followOrder, laterOf, untilRefunded } from '../live-order.ts';
import { attempt, type Page, say, sayProblem } from '../page.ts';
import type { Order, OrderEvent } from '../types.ts';

export const orderPage: Page = async ({ params, signal, draw }) => {
  const [orderId = ''] = params;
  const events: OrderEvent[] = [];
  let order: Order | undefined;
  let cancelling = false;
  let following = false;
  const cancelKey = crypto.randomUUID();

  const show = () => {
    if (order) draw(view(order, events, cancelling ? undefined : cancel, cancelling));
  };

  const told = (event: OrderEvent) => {
    if (events.some(({ eventId }) => eventId === event.eventId)) return;
    events.push(event);
    order = laterOf(order, event.order);
    show();
  };

  const state = (fresh: Order) => {
    order = laterOf(order, fresh);
    show();
  };

  /** Called again after a cancellation, since the stream of a completed order has ended. */
  const follow = () => {
    if (following) return;
    following = true;
    const lastEventId = events.at(-1)?.eventId;
    followOrder(orderId, { step: told, state }, { signal, lastEventId })
      .catch(sayProblem)
      .finally(() => {
        following = false;
      });
  };

  const cancel = () => {
    cancelling = true;
    show();
    attempt(async () => {
      try {
        state((await call<Order>('POST', `/orders/${orderId}/cancel`, { key: cancelKey, signal })).data);
        say(words().wasCancelled);
        follow();
        attempt(refunded);
      } finally {
        cancelling = false;
        show();
      }
    });
  };

  /** The points come back a moment after the cancellation: the page says when they can be spent. */
  const refunded = async () => {
    if (order) await untilRefunded(order, state, signal);
  };

  draw(html`<h1 tabindex="-1">${words().order}</h1><p>${words().loading}</p>`);
  try {
    order = (await call<Order>('GET', `/orders/${orderId}`, { signal })).data;
  } catch (error) {
    if (error instanceof Problem)
      draw(html`<h1 tabindex="-1">${words().order}</h1><p role="alert">${explain(error)}</p>`);
    return;
  }
  show();
  follow();
  attempt(refunded);
};

function view(order: Order, events: readonly OrderEvent[], cancel: (() => void) | undefined, cancelling: boolean) {
  const w = words();
  const { status, totalAmount, discountAmount, paidAmount, refund, reason } = order;
  const keptCoupon = order.couponId !== undefined && discountAmount === 0;
  return html`
    <h1 tabindex="-1">${w.orderNumber(order.orderId.slice(-6))}</h1>
    <p class="state ${status.toLowerCase()}" role="status" data-testid="order-status">${w.status[status]}</p>
    ${reason ? html`<p>${w.whyCancelled(explainCode(reason))}</p>` : ''}
    ${refund ? html`<p data-refund=${refund.status}>${w.refund[refund.status](money(refund.amount))}</p>` : ''}
    ${keptCoupon ? html`<p>${w.couponKept}</p>` : ''}
    <section class="card" aria-labelledby="steps">
      <h2 id="steps">${w.steps}</h2>
      <ol class="steps" aria-live="polite">${steps(order, events)}</ol>
    </section>
    <section class="card">
      <ul class="lines">
        ${order.items.map(
          ({ productId, name, unitPrice, quantity }) => html`<li class="line">
            <span class="name">${name ?? w.product(productId)}</span>
            <span>${w.pieces(quantity)}</span>
            <span class="sum">${unitPrice === null ? '' : money(unitPrice * quantity)}</span>
          </li>`,
        )}
      </ul>
      <dl class="sums">
        ${totalAmount === null ? '' : html`<dt>${w.total}</dt><dd>${money(totalAmount)}</dd>`}
        ${discountAmount ? html`<dt>${w.discount}</dt><dd>${money(-discountAmount)}</dd>` : ''}
        ${refund ? html`<dt>${w.refundTitle}</dt><dd>${money(refund.amount)}</dd>` : ''}
        ${paidAmount === null ? '' : html`<dt>${w.paid}</dt><dd class="price">${money(paidAmount)}</dd>`}
        <dt>${w.placedAt}</dt><dd>${time(order.createdAt)}</dd>
      </dl>
      ${
        status === 'CANCELLED'
          ? ''
          : html`<button ?disabled=${!cancel} @click=${cancel}>${cancelling ? w.cancelling : w.cancelOrder}</button>`
      }
    </section>
  `;
}

const FAILURES: ReadonlySet<string> = new Set([
  'stock-rejected',
  'coupon-rejected',
  'payment-failed',
  'order-cancelled',
]);

/**
 * The steps of a successful order, in order, and then any deviation. A completed order has all steps behind it, though
 * this page may not have heard each one: the coupon's event may come after the payment's.
 */
function steps(order: Order, events: readonly OrderEvent[]) {
  const way = [
    'order-created',
    ...(events.some(({ type }) => type === 'stock-awaited') ? ['stock-awaited'] : []),
    'stock-reserved',
    ...(order.couponId ? ['coupon-redeemed'] : []),
    'payment-completed',
    'order-completed',
  ];
  const seen = new Map(events.map((event) => [event.type, event]));
  const began = Date.parse(order.createdAt);
  const shown = way.flatMap((type) => {
    const event = seen.get(type);
    if (event || order.completedAt) return step(type, 'done', event && Date.parse(event.happenedAt) - began);
    return order.status === 'PENDING' ? step(type, 'open') : [];
  });
  const others = events.filter(({ type }) => !way.includes(type));
  return [
    ...shown,
    ...others.map(({ type, happenedAt }) =>
      step(type, FAILURES.has(type) ? 'failed' : 'done', Date.parse(happenedAt) - began),
    ),
    // Without its events, a cancellation is still known from the order.
    order.status === 'CANCELLED' && !seen.has('order-cancelled') ? step('order-cancelled', 'failed') : [],
  ];
}

/** @param ms since the order was placed */
function step(type: string, state: 'done' | 'open' | 'failed', ms?: number) {
  const w = words();
  const word = { done: w.stepDone, open: w.stepWaits, failed: w.stepFailed }[state];
  const after = ms === undefined || ms > 60_000 ? '' : ` · ${w.afterMs(count(Math.max(0, ms)))}`;
  const mark = { done: '✓', open: '', failed: '✕' }[state];
  return html`<li class=${state} data-step=${type}>
    <span class="mark" aria-hidden="true">${mark}</span>
    <span>${w.step[type] ?? type}</span>
    <span class="hint">${word}${after}</span>
  </li>`;
}
