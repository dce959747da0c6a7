import { html } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { call } from '../api.ts';
import { changeProduct, isChanging, type ProductPatch } from '../change-product.ts';
import { count, money, words } from '../i18n.ts';
import { attempt, type Page, say } from '../page.ts';
import { createListing } from '../paging.ts';
import { session } from '../session.ts';
import type { Product } from '../types.ts';

const idOf = ({ productId }: Product) => productId;

/** Operators add pieces and take them back here, withdraw a product from sale, and put it on sale again. */
export const stockPage: Page = async ({ signal, draw }) => {
  if (session()?.scope !== 'ops') {
    draw(html`<h1 tabindex="-1">${words().stock}</h1><p>${words().stocks.forOperators}</p>`);
    return;
  }
  const listing = createListing<Product>('/products?limit=24', signal);
  /** Products that were looked up or changed here, as last answered. The list leaves out those that are withdrawn. */
  const known = new Map<number, Product>();
  /**
   * Products that were looked up and not listed, in that order. They stay in front when they are listed later: a card
   * that moves would take a half-typed number, or a click, to another product.
   */
  const lookedUp = new Set<number>();

  const change = ({ productId }: Product, patch: ProductPatch) =>
    attempt(async () => {
      const data = await changeProduct(productId, patch);
      known.set(data.productId, data);
      say(words().stocks.done(data.name));
      show();
    });

  const movePieces = (product: Product) => (event: SubmitEvent) => {
    event.preventDefault();
    const pieces = Number(new FormData(event.target as HTMLFormElement).get('pieces'));
    const takesBack = (event.submitter as HTMLButtonElement | null)?.value === 'takeBack';
    change(product, takesBack ? { takeBack: pieces } : { restock: pieces });
  };

  const find = (event: SubmitEvent) => {
    event.preventDefault();
    const id = Number(new FormData(event.target as HTMLFormElement).get('product'));
    attempt(async () => {
      const { data } = await call<Product>('GET', `/products/${id}`, { signal });
      known.set(data.productId, data);
      if (!listing.items.some(({ productId }) => productId === data.productId)) lookedUp.add(data.productId);
      show();
    });
  };

  const more = () =>
    attempt(async () => {
      await listing.next();
      show();
    });

  const card = (product: Product) => {
    const w = words().stocks;
    const { productId: id, name, price, stockQuantity, heldQuantity = 0 } = product;
    const isOnSale = product.onSale !== false;
    const changing = isChanging(id);
    return html`<li class="card">
      <h2>${name}</h2>
      <p>${words().product(id)} · ${money(price)} · ${words().inStock(count(stockQuantity))}${heldQuantity > 0 ? ` · ${w.held(count(heldQuantity))}` : ''}</p>
      ${isOnSale ? '' : html`<p><strong>${w.withdrawn}</strong></p>`}
      <form @submit=${movePieces(product)}>
        <label for="pieces-${id}">${w.pieces}</label>
        <input id="pieces-${id}" name="pieces" type="number" inputmode="numeric" min="1" required />
        <p>
          <button value="restock" ?disabled=${changing} aria-label=${w.addTo(name)}>${w.add}</button>
          <button value="takeBack" ?disabled=${changing} aria-label=${w.takeBackFrom(name)}>${w.takeBack}</button>
        </p>
      </form>
      ${
        isOnSale
          ? html`<button aria-label=${w.withdrawThis(name)} @click=${() => change(product, { onSale: false })}>${w.withdraw}</button>`
          : html`<button aria-label=${w.putBackThis(name)} @click=${() => change(product, { onSale: true })}>${w.putBack}</button>`
      }
    </li>`;
  };

  const show = () => {
    const w = words();
    const listed = listing.items.filter(({ productId }) => !lookedUp.has(productId));
    const products = [
      ...[...lookedUp].flatMap((id) => known.get(id) ?? []),
      ...listed.map((it) => known.get(it.productId) ?? it),
    ];
    draw(html`
      <h1 tabindex="-1">${w.stock}</h1>
      <p>${w.stocks.intro}</p>
      <form class="card narrow" @submit=${find}>
        <label for="product">${w.stocks.find}</label>
        <input id="product" name="product" type="number" inputmode="numeric" min="1" required />
        <p><button>${w.stocks.show}</button></p>
      </form>
      <ul class="grid" aria-busy=${!listing.loaded}>${repeat(products, idOf, card)}</ul>
      ${listing.hasMore ? html`<button class="wide" @click=${more}>${w.more}</button>` : ''}
    `);
  };

  addEventListener('asking', show, { signal });
  show();
  await listing.next();
  show();
};
