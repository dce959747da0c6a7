import { html } from 'lit-html';
import { call } from '../api.ts';
import { count, words } from '../i18n.ts';
import { attempt, type Page, say } from '../page.ts';
import { createListing } from '../paging.ts';
import { session } from '../session.ts';
import type { CouponPolicy, EndedPolicy } from '../types.ts';
import { worthInWords } from '../worth.ts';

/** Operators end a kind of coupon here, and revoke what nobody has used. */
export const endCouponsPage: Page = async ({ signal, draw }) => {
  if (session()?.scope !== 'ops') {
    draw(html`<h1 tabindex="-1">${words().endCoupons}</h1><p>${words().end.forOperators}</p>`);
    return;
  }
  const listing = createListing<CouponPolicy>('/coupon-policies', signal);
  /** What was answered for each policy since the page was opened. */
  const ended = new Map<number, EndedPolicy>();

  const end = (policy: CouponPolicy) => (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const body = { reason: String(form.get('reason')), revoke: form.get('revoke') === 'on' };
    attempt(async () => {
      const { data } = await call<EndedPolicy>('POST', `/coupon-policies/${policy.couponPolicyId}/end`, {
        ...{ body, signal, idempotent: true },
      });
      ended.set(policy.couponPolicyId, data);
      say(words().end.done(policy.name));
      show();
    });
  };

  const more = () =>
    attempt(async () => {
      await listing.next();
      show();
    });

  const card = (policy: CouponPolicy) => {
    const w = words().end;
    const id = policy.couponPolicyId;
    const now = ended.get(id);
    return html`<li class="card">
      <h2>${policy.name}</h2>
      <p>${words().couponOff(worthInWords(policy))} · ${words().left(count(policy.remaining), count(policy.totalQuantity))}</p>
      ${now || policy.status === 'ENDED' ? html`<p><strong>${w.ended}</strong></p>` : ''}
      ${now ? html`<p role="status">${standing(now)}</p>` : ''}
      <form @submit=${end(policy)}>
        <label for="reason-${id}">${w.reason}</label>
        <input id="reason-${id}" name="reason" type="text" maxlength="500" required />
        <p>
          <input id="revoke-${id}" name="revoke" type="checkbox" />
          <label for="revoke-${id}">${w.revoke}</label>
        </p>
        <button aria-label=${w.endThis(policy.name)}>${w.end}</button>
      </form>
    </li>`;
  };

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.endCoupons}</h1>
      <p>${w.end.intro}</p>
      <ul class="grid" aria-busy=${!listing.loaded}>${listing.items.map(card)}</ul>
      ${listing.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
    `);
  };

  show();
  await listing.next();
  show();
};

function standing({ issuedCount, revocation }: EndedPolicy): string {
  const w = words().end;
  if (!revocation) return w.usable(count(issuedCount));
  const of = w.revoked(count(revocation.revokedCount), count(issuedCount));
  return revocation.status === 'DONE' ? of : `${of} ${w.goesOn}`;
}
