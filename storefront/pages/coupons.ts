import { html } from 'lit-html';
import { time, words } from '../i18n.ts';
import { attempt, type Page } from '../page.ts';
import { createListing } from '../paging.ts';
import type { Coupon } from '../types.ts';
import { worthInWords } from '../worth.ts';

export const couponsPage: Page = async ({ signal, draw }) => {
  const listing = createListing<Coupon>('/coupons', signal);

  const more = () =>
    attempt(async () => {
      await listing.next();
      show();
    });

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.couponsOwn}</h1>
      <ul class="list" aria-busy=${!listing.loaded}>
        ${listing.items.map(
          (coupon) => html`<li class="card">
            <strong>${coupon.name}</strong>
            <span class="state ${coupon.status.toLowerCase()}">${w.couponStatus[coupon.status]}</span>
            <span>${w.couponOff(worthInWords(coupon))}</span>
            <span class="hint">${w.validUntil(time(coupon.expiresAt))}</span>
          </li>`,
        )}
      </ul>
      ${listing.loaded && listing.items.length === 0 ? html`<p>${w.noCoupons}</p>` : ''}
      ${listing.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
      <p><a class="button" href="#/coupon-rush">${w.couponRush}</a></p>
    `);
  };

  show();
  await listing.next();
  show();
};
