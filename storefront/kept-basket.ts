import type { Basket, BasketLine } from './basket.ts';

const KEY = 'shop.basket';

export function loadBasket(): Basket {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isLine) : [];
  } catch {
    // Somebody else's text under this name, or storage that is switched off: an empty basket does no harm.
    return [];
  }
}

/** Keeps the basket and tells whoever shows it. */
export function saveBasket(basket: Basket): void {
  localStorage.setItem(KEY, JSON.stringify(basket));
  basketChanged();
}

/** Tells whoever shows the basket, or an order of it, to look again. */
export function basketChanged(): void {
  dispatchEvent(new Event('basket'));
}

/** What another tab does to the basket is seen here too. */
export function watchOtherTabs(): void {
  addEventListener('storage', ({ key }) => {
    if (key === KEY || key === null) basketChanged();
  });
}

function isLine(value: unknown): value is BasketLine {
  const line = value as Partial<BasketLine> | null;
  return (
    Number.isSafeInteger(line?.productId) &&
    Number.isSafeInteger(line?.price) &&
    Number.isSafeInteger(line?.quantity) &&
    typeof line?.name === 'string'
  );
}
