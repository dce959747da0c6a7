import type { RequestListener } from 'node:http';
import { METRICS_PORT_ABOVE, type Metrics, oneAtATime } from '../process/index.ts';
import { type RunningServer, serve } from './server.ts';

/** One scraper or two, an operator, and their next connections. */
const MAX_CONNECTIONS = 20;

/** Where one process serves its metrics. */
export type MetricsAddress = {
  readonly PORT: number;
  readonly METRICS_HOST?: string | undefined;
  readonly METRICS_PORT?: number | undefined;
};

/**
 * Serves GET /metrics on a port of its own: no client of the shop reaches it, and no limit of the service's requests
 * applies to it. Rejects with one sentence when the port is taken.
 */
export function serveMetrics(
  metrics: Pick<Metrics, 'registry' | 'render'>,
  { PORT, METRICS_HOST = '127.0.0.1', METRICS_PORT }: MetricsAddress,
): Promise<RunningServer> {
  // A free port has none beside it.
  const port = METRICS_PORT ?? (PORT === 0 ? 0 : PORT + METRICS_PORT_ABOVE);
  return serve(metricsListener(metrics), {
    ...{ host: METRICS_HOST, port, maxConnections: MAX_CONNECTIONS },
    variables: { host: 'METRICS_HOST', port: 'METRICS_PORT' },
  });
}

function metricsListener({ registry, render }: Pick<Metrics, 'registry' | 'render'>): RequestListener {
  const shared = oneAtATime(render);
  return (request, response) => {
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    shared().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error)),
    );
  };
}
