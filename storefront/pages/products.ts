import { html } from 'lit-html';
import { call } from '../api.ts';
import { put } from '../basket.ts';
import { count, explain, money, words } from '../i18n.ts';
import { loadBasket, saveBasket } from '../kept-basket.ts';
import { attempt, everyMs, type Page, say } from '../page.ts';
import { createListing } from '../paging.ts';
import { picture } from '../picture.ts';
import type { PopularProduct, Product } from '../types.ts';

/** How often the best sold are read, ms. */
const POPULAR_MS = 4_000;

export const productsPage: Page = async ({ signal, draw }) => {
  const listing = createListing<Product>('/products?limit=24', signal);
  let popular: readonly PopularProduct[] | undefined;
  /** Why the best sold could not be read the last time. */
  let notRead: string | undefined;

  const show = () => {
    const w = words();
    draw(html`
      <h1 tabindex="-1">${w.products}</h1>
      <section aria-labelledby="popular">
        <h2 id="popular">${w.popular}</h2>
        ${notRead === undefined ? '' : html`<p class="hint" role="status">${w.maybeOld(notRead)}</p>`}
        ${popular?.length === 0 ? html`<p class="hint">${w.nothingSold}</p>` : ''}
        <ol class="popular">
          ${popular?.map(
            ({ productId, name, price, quantitySold }) => html`<li>
              ${picture(productId)}
              <span class="name">${name ?? w.product(productId)}</span>
              <span>${price === null ? '' : money(price)}</span>
              <span class="hint">${w.sold(count(quantitySold))}</span>
            </li>`,
          )}
        </ol>
      </section>
      <ul class="grid" aria-busy=${!listing.loaded}>
        ${listing.items.map(card)}
      </ul>
      ${listing.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
      ${listing.loaded ? '' : html`<p>${w.loading}</p>`}
    `);
  };

  const card = (product: Product) => {
    const w = words();
    const held = product.heldQuantity ?? 0;
    const gone = product.stockQuantity + held === 0;
    const stock = product.stockQuantity > 0 ? w.inStock(count(product.stockQuantity)) : w.allHeld;
    return html`<li class="card product">
      ${picture(product.productId)}
      <h2>${product.name}</h2>
      <p class="price">${money(product.price)}</p>
      <p class="hint">${gone ? w.soldOut : stock}</p>
      <button aria-label=${w.putIn(product.name)} ?disabled=${gone} @click=${() => putIn(product)}>${w.putInShort}</button>
    </li>`;
  };

  const putIn = ({ productId, name, price }: Product) => {
    saveBasket(put(loadBasket(), { productId, name, price }));
    say(words().wasPutIn(name));
  };

  const more = () =>
    attempt(async () => {
      await listing.next();
      show();
    });

  show();
  const look = async () => {
    const { data } = await call<{ items: readonly PopularProduct[] }>('GET', '/products/popular', { signal });
    popular = data.items;
    notRead = undefined;
    show();
  };
  everyMs(POPULAR_MS, signal, look, (error) => {
    notRead = explain(error);
    show();
  });
  await listing.next();
  show();
};
