import { html } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { call } from '../api.ts';
import { askOnce, isAsking } from '../ask-once.ts';
import { type Basket, type BasketLine, MAX_QUANTITY, put, reprice, total, without } from '../basket.ts';
import { money, words } from '../i18n.ts';
import { loadBasket, saveBasket } from '../kept-basket.ts';
import { attempt, type Page, say, sayProblem } from '../page.ts';
import { picture } from '../picture.ts';
import { session } from '../session.ts';
import type { Page as ApiPage, Coupon, Order, Product } from '../types.ts';
import { takenOff, worthInWords } from '../worth.ts';

interface OrderWish {
  readonly items: readonly Pick<BasketLine, 'productId' | 'quantity'>[];
  readonly couponId?: string;
  /** Won: the order is refused at another price. */
  readonly expectedTotal: number;
}

export const basketPage: Page = async ({ signal, draw }) => {
  let coupons: readonly Coupon[] = [];
  let balance: number | undefined;
  let couponId = '';
  /** The shown basket is the ordered one, even if another tab has changed it meanwhile. */
  let shown: Basket = [];
  /** Products of the basket that were withdrawn from sale since. */
  let withdrawn: ReadonlySet<number> = new Set();

  const row = (line: BasketLine) => {
    const w = words();
    const { name, price, quantity, productId } = line;
    const set = (event: Event) => {
      const field = event.target as HTMLInputElement;
      const basket = put(loadBasket(), line, Math.max(1, Number(field.value) || 1));
      saveBasket(basket);
      // Drawing leaves a field alone whose quantity is the same as before, whatever was typed into it.
      field.value = String(basket.find((each) => each.productId === productId)?.quantity ?? quantity);
    };
    return html`<li class="line">
      ${picture(productId)}
      <span class="name">${name}${withdrawn.has(productId) ? html` <strong>${w.withdrawn}</strong>` : ''}</span>
      <label class="inline"
        ><span class="unseen">${w.quantityOf(name)}</span
        ><input type="number" inputmode="numeric" min="1" max=${MAX_QUANTITY} .value=${String(quantity)} @change=${set}
      /></label>
      <span class="sum">${money(price * quantity)}</span>
      <button class="quiet" aria-label=${w.takeOut(name)} @click=${() => saveBasket(put(loadBasket(), line, 0))}>
        ${w.takeOutShort}
      </button>
    </li>`;
  };

  const show = () => {
    const w = words();
    const basket = loadBasket();
    shown = basket;
    const sum = total(basket);
    const placing = isAsking('order');
    const chosen = coupons.find((coupon) => coupon.couponId === couponId);
    const off = chosen ? takenOff(chosen, sum) : 0;
    if (basket.length === 0) {
      draw(
        html`<h1 tabindex="-1">${w.basket}</h1><p>${w.basketEmpty}</p><p><a class="button" href="#/">${w.products}</a></p>`,
      );
      return;
    }
    draw(html`
      <h1 tabindex="-1">${w.basket}</h1>
      <ul class="lines card">${repeat(basket, ({ productId }) => productId, row)}</ul>
      <form class="card narrow" @submit=${place}>
        ${
          coupons.length === 0
            ? ''
            : html`<label for="coupon">${w.coupon}</label>
                <select id="coupon" @change=${choose}>
                  <option value="">${w.noCoupon}</option>
                  ${coupons.map(
                    (coupon) =>
                      html`<option value=${coupon.couponId} ?selected=${coupon.couponId === couponId}>
                        ${w.couponChoice(coupon.name, worthInWords(coupon))}
                      </option>`,
                  )}
                </select>`
        }
        <dl class="sums">
          <dt>${w.total}</dt><dd>${money(sum)}</dd>
          ${off > 0 ? html`<dt>${w.discount}</dt><dd>${money(-off)}</dd>` : ''}
          <dt>${w.toPay}</dt><dd class="price">${money(sum - off)}</dd>
        </dl>
        ${balance === undefined ? '' : html`<p class="hint">${w.balanceIs(money(balance))}</p>`}
        <button class="main" ?disabled=${placing}>${placing ? w.placing : w.placeOrder}</button>
      </form>
    `);
  };

  const choose = (event: Event) => {
    couponId = (event.target as HTMLSelectElement).value;
    show();
  };

  const place = (event: SubmitEvent) => {
    event.preventDefault();
    if (!session()) {
      location.hash = '/sign-in?next=/basket';
      return;
    }
    const ordered = shown;
    attempt(async () => {
      const body = {
        items: ordered.map(({ productId, quantity }) => ({ productId, quantity })),
        ...(couponId && { couponId }),
        expectedTotal: total(ordered),
      };
      // A repeat cannot choose the coupon again once it was used, nor have the former price.
      const essence = ({ items }: OrderWish) => items;
      const { data, isFirst } = await askOnce<Order, OrderWish>('order', '/orders', body, { essence });
      // Two tabs that repeat one order take it out of their basket once.
      if (isFirst) saveBasket(without(loadBasket(), ordered));
      if (signal.aborted) say(words().orderPlaced(data.orderId.slice(-6)));
      else location.hash = `/orders/${data.orderId}`;
    });
  };

  /** Updates prices first: an order at an outdated price, or of what is no longer on sale, would be refused. */
  const freshPrices = async () => {
    const products = await Promise.all(
      loadBasket().map(({ productId }) => call<Product>('GET', `/products/${productId}`, { signal })),
    );
    withdrawn = new Set(products.flatMap(({ data }) => (data.onSale === false ? [data.productId] : [])));
    if (withdrawn.size > 0) show();
    const before = loadBasket();
    const basket = reprice(
      before,
      products.map(({ data }) => data),
    );
    if (basket === before) return;
    saveBasket(basket);
    say(words().pricesNew);
  };

  for (const change of ['basket', 'asking']) addEventListener(change, show, { signal });
  show();
  freshPrices().catch((error: unknown) => {
    if (!signal.aborted) sayProblem(error);
  });
  if (!session()) return;
  const [own, points] = await Promise.all([
    call<ApiPage<Coupon>>('GET', '/coupons?status=ISSUED&limit=100', { signal }),
    call<{ balance: number }>('GET', '/points', { signal }),
  ]);
  coupons = own.data.items;
  balance = points.data.balance;
  show();
};
