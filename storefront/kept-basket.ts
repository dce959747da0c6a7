import type { Basket, BasketLine } from './basket.ts';

const KEY = 'shop.basket';

export function loadBasket(): Basket {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isLine) : [];
  } catch {
    // Another program's text under this name, or disabled storage: an empty basket does no harm.
    return [];
  }
}

/** Stores the basket and notifies the pages that show it. */
export function saveBasket(basket: Basket): void {
  localStorage.setItem(KEY, JSON.stringify(basket));
  basketChanged();
}

/** Notifies the pages that show the basket. */
function basketChanged(): void {
  dispatchEvent(new Event('basket'));
}

/** Shows changes that another tab makes to the basket. */
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
