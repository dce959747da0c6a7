import { html } from 'lit-html';
import { call } from '../api.ts';
import { askOnce, isAsking } from '../ask-once.ts';
import { money, time, words } from '../i18n.ts';
import { attempt, type Page, say } from '../page.ts';
import { createListing, type Listing } from '../paging.ts';
import type { PointsChange } from '../types.ts';

const MAX_CHARGE = 10_000_000;

export const pointsPage: Page = async ({ signal, draw }) => {
  let balance: number | undefined;
  let history: Listing<PointsChange> = createListing('/points/history', signal);

  const load = async () => {
    const fresh = createListing<PointsChange>('/points/history', signal);
    const [points] = await Promise.all([call<{ balance: number }>('GET', '/points', { signal }), fresh.next()]);
    balance = points.data.balance;
    history = fresh;
    show();
  };

  const more = () =>
    attempt(async () => {
      await history.next();
      show();
    });

  const charge = (event: SubmitEvent) => {
    event.preventDefault();
    const amount = Number(new FormData(event.target as HTMLFormElement).get('amount'));
    attempt(async () => {
      await askOnce('charge', '/points/charge', { amount });
      say(words().charged(money(amount)));
      // The user may have left this page and come back to it meanwhile.
      dispatchEvent(new Event('points'));
    });
  };

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.points}</h1>
      <p>${w.balance}: <strong class="price" data-testid="balance">${balance === undefined ? '…' : money(balance)}</strong></p>
      <form class="card narrow" @submit=${charge}>
        <label for="amount">${w.chargeAmount}</label>
        <input id="amount" name="amount" type="number" inputmode="numeric" min="1" max=${MAX_CHARGE} value="10000" required />
        <button class="main" ?disabled=${isAsking('charge')}>${w.charge}</button>
      </form>
      <h2>${w.history}</h2>
      ${history.loaded && history.items.length === 0 ? html`<p>${w.noHistory}</p>` : ''}
      <ul class="list" aria-busy=${!history.loaded}>
        ${history.items.map(
          ({ type, amount, balanceAfter, orderId, createdAt }) => html`<li class="card">
            <strong>${w.change[type] ?? type}</strong>
            <span class="price">${money(type === 'USE' ? -Math.abs(amount) : amount)}</span>
            <span>${w.balance}: ${money(balanceAfter)}</span>
            ${orderId ? html`<a href="#/orders/${orderId}">${w.orderNumber(orderId.slice(-6))}</a>` : ''}
            <span class="hint">${time(createdAt)}</span>
          </li>`,
        )}
      </ul>
      ${history.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
    `);
  };

  addEventListener('asking', show, { signal });
  addEventListener('points', () => attempt(load), { signal });
  show();
  await load();
};
