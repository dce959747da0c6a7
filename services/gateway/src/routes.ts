import type { PassedOperation } from '@shop/chassis/api';
import type { Upstream } from './proxy/upstream.ts';

export type UpstreamName = 'order' | 'catalog' | 'payment' | 'coupon' | 'ranking' | 'ops';
/** Operators' console is the one that a shop can do without: then its paths are not there. */
export type Upstreams = Readonly<Record<Exclude<UpstreamName, 'ops'>, Upstream>> & { readonly ops?: Upstream };

/**
 * One operation that a service answers, and what the gateway has to know of it. `path` is its label in the measures.
 */
export type Route = Pick<PassedOperation, 'method' | 'path' | 'access' | 'class' | 'waits' | 'stream' | 'lastGood'> & {
  readonly service: UpstreamName;
};
