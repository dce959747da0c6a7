import type { Upstream } from './proxy/upstream.ts';

export interface Upstreams {
  readonly order: Upstream;
  readonly catalog: Upstream;
  readonly payment: Upstream;
  readonly coupon: Upstream;
  readonly ranking: Upstream;
}

/** Where a request goes, and its label in the measures. */
export interface Route {
  readonly service: keyof Upstreams;
  readonly label: string;
}

/** First part of the path → the service that answers. */
const BY_SEGMENT: ReadonlyMap<string, Route> = new Map(
  Object.entries({
    orders: 'order',
    products: 'catalog',
    points: 'payment',
    coupons: 'coupon',
    'coupon-policies': 'coupon',
  } as const).map(([label, service]) => [label, { service, label }]),
);

const POPULAR: Route = { service: 'ranking', label: 'products/popular' };

/** The service that a URL (path and query) is for; undefined if it is the gateway's own. */
export function routeOf(url: string): Route | undefined {
  const end = endOfPath(url);
  const slash = url.indexOf('/', 1);
  const segment = url.slice(1, slash === -1 || slash > end ? end : slash);
  if (segment === 'products' && url.slice(slash, end) === '/popular') return POPULAR;
  return BY_SEGMENT.get(segment);
}

function endOfPath(url: string): number {
  const query = url.indexOf('?');
  return query === -1 ? url.length : query;
}
