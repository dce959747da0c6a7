import type { PassedOperation } from '@shop/chassis/api';
import type { ServiceName } from '../../services.ts';
import type { Upstream } from './proxy/upstream.ts';

export type UpstreamName = ServiceName | 'ops';
/** A service that does not run here (an example, operators' console) is absent, and its paths do not exist. */
export type Upstreams = Readonly<Partial<Record<UpstreamName, Upstream>>>;

/** One operation of a service, with the gateway's settings for it. `path` is its label in the metrics. */
export type Route = Pick<PassedOperation, 'method' | 'path' | 'access' | 'class' | 'waits' | 'stream' | 'shared'> & {
  readonly service: UpstreamName;
};
