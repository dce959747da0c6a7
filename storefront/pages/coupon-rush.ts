import { html } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { call, Problem, serverNow } from '../api.ts';
import { clock } from '../countdown.ts';
import { count, explain, words } from '../i18n.ts';
import { everyMs, type Page } from '../page.ts';
import { session } from '../session.ts';
import type { CouponPolicy, IssuedCoupon } from '../types.ts';
import { worthInWords } from '../worth.ts';

/** How often the number of coupons left is read, ms. */
const LOOK_MS = 2_000;

type Answer = { readonly kind: 'asking' | 'issued' | 'own' | 'refused'; readonly text: string };

export const couponRushPage: Page = ({ signal, draw }) => {
  let policies: readonly CouponPolicy[] | undefined;
  /** Why they could not be read the last time. */
  let notRead: string | undefined;
  const answers = new Map<number, Answer>();

  const ask = (policy: CouponPolicy) => {
    if (!session()) {
      location.hash = '/sign-in?next=/coupon-rush';
      return;
    }
    const tell = (answer: Answer) => {
      answers.set(policy.couponPolicyId, answer);
      show();
    };
    tell({ kind: 'asking', text: words().asking });
    call<IssuedCoupon>('POST', '/coupons/issue', {
      body: { couponPolicyId: policy.couponPolicyId },
      idempotent: true,
      signal,
    }).then(
      ({ data }) =>
        tell(
          data.alreadyIssued
            ? { kind: 'own', text: words().youHaveIt(policy.name) }
            : { kind: 'issued', text: words().youGotIt(policy.name) },
        ),
      (error: unknown) => {
        if (signal.aborted) return;
        const soldOut = error instanceof Problem && error.code === 'COUPON_SOLD_OUT';
        tell({ kind: 'refused', text: soldOut ? words().allGone : explain(error) });
      },
    );
  };

  const card = (policy: CouponPolicy) => {
    const w = words();
    const now = serverNow();
    const startsAt = policy.startsAt ? Date.parse(policy.startsAt) : now;
    const endedByShop = policy.status === 'ENDED';
    const ended = endedByShop || (policy.endsAt !== null && Date.parse(policy.endsAt) <= now);
    const waits = startsAt > now;
    const answer = answers.get(policy.couponPolicyId);
    const final = answer?.kind === 'issued' || answer?.kind === 'own';
    return html`<li class="card rush">
      <h2>${policy.name}</h2>
      <p class="price">${w.couponOff(worthInWords(policy))}</p>
      <p>${w.left(count(policy.remaining), count(policy.totalQuantity))}</p>
      <progress max=${policy.totalQuantity} value=${policy.remaining} aria-label=${w.left(count(policy.remaining), count(policy.totalQuantity))}></progress>
      ${waits && !ended ? html`<p>${w.opensIn} <strong class="clock">${clock(startsAt, now, w.dayMark)}</strong></p>` : ''}
      ${ended ? html`<p>${endedByShop ? w.endedByShop : w.closed}</p>` : ''}
      <button
        class="main big"
        aria-label=${w.getCoupon(policy.name)}
        ?disabled=${waits || ended || final || answer?.kind === 'asking'}
        @click=${() => ask(policy)}
      >
        ${w.getCouponShort}
      </button>
      <p class="answer ${answer?.kind ?? ''}" role="status">${answer?.text ?? ''}</p>
    </li>`;
  };

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.couponRush}</h1>
      <p>${w.rushIntro}</p>
      ${notRead === undefined ? '' : html`<p class="hint" role="alert">${w.maybeOld(notRead)}</p>`}
      <ul class="grid" aria-busy=${!policies}>${repeat(policies ?? [], ({ couponPolicyId }) => couponPolicyId, card)}</ul>
      ${policies?.length === 0 ? html`<p>${w.noPolicies}</p>` : ''}
    `);
  };

  show();
  const look = async () => {
    const { data } = await call<{ items: readonly CouponPolicy[] }>('GET', '/coupon-policies?limit=100', { signal });
    policies = data.items;
    notRead = undefined;
    show();
  };
  everyMs(LOOK_MS, signal, look, (error) => {
    notRead = explain(error);
    show();
  });
  // The countdown changes once a second.
  const tick = setInterval(show, 1_000);
  signal.addEventListener('abort', () => clearInterval(tick), { once: true });
};
