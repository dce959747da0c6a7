import { html } from 'lit-html';
import { money, time, words } from '../i18n.ts';
import { attempt, type Page } from '../page.ts';
import { createListing, type Listing } from '../paging.ts';
import type { Order } from '../types.ts';

const STATES = ['', 'PENDING', 'COMPLETED', 'CANCELLED'] as const;

export const ordersPage: Page = async ({ signal, draw }) => {
  let listing: Listing<Order> = createListing('/orders', signal);

  const choose = (event: Event) => {
    const state = (event.target as HTMLSelectElement).value;
    listing = createListing(state ? `/orders?status=${state}` : '/orders', signal);
    more();
  };

  const more = () =>
    attempt(async () => {
      await listing.next();
      show();
    });

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.orders}</h1>
      <div class="narrow">
        <label for="state">${w.statusLabel}</label>
        <select id="state" @change=${choose}>
          ${STATES.map((state) => html`<option value=${state}>${state ? w.status[state] : w.all}</option>`)}
        </select>
      </div>
      <ul class="list" aria-busy=${!listing.loaded}>
        ${listing.items.map(
          (order) => html`<li class="card">
            <a href="#/orders/${order.orderId}">${w.orderNumber(order.orderId.slice(-6))}</a>
            <span class="state ${order.status.toLowerCase()}">${w.status[order.status]}</span>
            <span>${order.items.map(({ name, productId }) => name ?? w.product(productId)).join(', ')}</span>
            <span class="price">${price(order)}</span>
            <span class="hint">${time(order.createdAt)}</span>
          </li>`,
        )}
      </ul>
      ${listing.loaded && listing.items.length === 0 ? html`<p>${w.noOrders}</p>` : ''}
      ${listing.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
    `);
  };

  show();
  await listing.next();
  show();
};

/** What was paid, or what is given back. */
function price({ paidAmount, refund }: Order): string {
  if (refund) return words().refund[refund.status](money(refund.amount));
  return paidAmount === null ? '' : money(paidAmount);
}
