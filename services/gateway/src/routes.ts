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
