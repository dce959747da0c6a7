import type { Upstream } from './proxy/upstream.ts';

export interface Upstreams {
  readonly order: Upstream;
  readonly catalog: Upstream;
  readonly payment: Upstream;
}

/** First part of the path → the service that answers. */
export const ROUTES: Readonly<Record<string, keyof Upstreams>> = {
  orders: 'order',
  products: 'catalog',
  points: 'payment',
};

/** The first part of a path: `/orders/1?a=b` → `orders`. */
export function firstSegment(url: string): string {
  let end = 1;
  while (end < url.length && url[end] !== '/' && url[end] !== '?') end++;
  return url.slice(1, end);
}
