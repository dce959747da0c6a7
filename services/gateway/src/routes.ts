import type { RequestClass } from './admission/classes.ts';
import type { Upstream } from './proxy/upstream.ts';

export type UpstreamName = 'order' | 'catalog' | 'payment' | 'coupon' | 'ranking' | 'ops';
/** Operators' console is the one that a shop can do without: then its paths are not there. */
export type Upstreams = Readonly<Record<Exclude<UpstreamName, 'ops'>, Upstream>> & { readonly ops?: Upstream };

/** One operation that a service answers. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** A template: `:id` stands for any one segment. Also the operation's label in the measures. */
  readonly path: string;
  readonly service: UpstreamName;
  /** Who may ask: anybody, a user, or an operator (a token with scope `ops`). */
  readonly access: 'public' | 'user' | 'ops';
  /** Which requests are refused before it when not all can be served. */
  readonly class: RequestClass;
  /** It can wait for an outcome: `Prefer: wait`. */
  readonly waits?: true;
  /** The answer goes on until something has come to its end: see proxy/streams.ts. */
  readonly stream?: true;
  /** A read that is the same for everybody: its last good answer is better than none. */
  readonly lastGood?: true;
}

/** Every operation behind the gateway; whatever is not in it is not passed on. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/products', service: 'catalog', access: 'public', class: 'browse', lastGood: true },
  { method: 'GET', path: '/products/popular', service: 'ranking', access: 'public', class: 'browse', lastGood: true },
  { method: 'GET', path: '/products/:id', service: 'catalog', access: 'public', class: 'browse', lastGood: true },
  { method: 'POST', path: '/products', service: 'catalog', access: 'ops', class: 'finish' },
  { method: 'PATCH', path: '/products/:id', service: 'catalog', access: 'ops', class: 'finish' },

  { method: 'GET', path: '/points', service: 'payment', access: 'user', class: 'browse' },
  { method: 'GET', path: '/points/history', service: 'payment', access: 'user', class: 'browse' },
  { method: 'POST', path: '/points/charge', service: 'payment', access: 'user', class: 'begin' },

  { method: 'GET', path: '/orders', service: 'order', access: 'user', class: 'finish' },
  { method: 'POST', path: '/orders', service: 'order', access: 'user', class: 'begin', waits: true },
  { method: 'GET', path: '/orders/:id', service: 'order', access: 'user', class: 'finish', waits: true },
  { method: 'GET', path: '/orders/:id/events', service: 'order', access: 'user', class: 'finish', stream: true },
  { method: 'POST', path: '/orders/:id/cancel', service: 'order', access: 'user', class: 'finish' },

  { method: 'GET', path: '/coupons', service: 'coupon', access: 'user', class: 'browse' },
  { method: 'POST', path: '/coupons/issue', service: 'coupon', access: 'user', class: 'begin' },
  { method: 'GET', path: '/coupons/requests/:id', service: 'coupon', access: 'user', class: 'finish' },
  { method: 'GET', path: '/coupon-policies', service: 'coupon', access: 'public', class: 'browse', lastGood: true },
  { method: 'POST', path: '/coupon-policies', service: 'coupon', access: 'ops', class: 'finish' },

  { method: 'GET', path: '/ops/status', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/ops/audit', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/audit/:id', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/ops/rush', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/rush/:id', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/rush/:id/events', service: 'ops', access: 'ops', class: 'finish', stream: true },
];
