import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** From half a millisecond to half a minute: the time of a request, a batch, a saga. */
const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Sizes of batches. */
export const SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Sampling interval of the event loop's lag, ms. The measured values include the interval. The default of 10 ms causes
 * most of an idle process's work.
 */
const LAG_EVERY_MS = 100;

/** One process's metrics. Asking for a name a second time gives the same metric. */
export interface Metrics {
  readonly registry: Registry;
  counter<L extends string = string>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** @param collect sets the gauge whenever the measures are read, where its value is known anyway */
  gauge<L extends string = string>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L>;
  /** Default buckets: `SECONDS_BUCKETS`. */
  histogram<L extends string = string>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
  /** The text Prometheus reads. */
  render(): Promise<string>;
}

export interface MetricsOptions {
  /** A label of every metric. `instance` and `job` are left to the scraper, which names its targets by them. */
  readonly service?: string;
  /**
   * Adds metrics of process, garbage collection and event loop lag; default true. Tests with many registries leave them
   * out.
   */
  readonly defaults?: boolean;
}

export function createMetrics({ service, defaults = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels(service ? { service } : {});
  if (defaults) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS });
  const registers = [registry];
  const known = <M>(name: string, make: () => M): M => (registry.getSingleMetric(name) as M | undefined) ?? make();
  return {
    registry,
    counter: (name, help, labels = []) =>
      known(name, () => new Counter({ name, help, labelNames: [...labels], registers })),
    gauge: (name, help, labels = [], collect = undefined) =>
      known(name, () => createGauge(name, help, labels, collect, registers)),
    histogram: (name, help, labels = [], buckets = SECONDS_BUCKETS) =>
      known(name, () => new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers })),
    render: () => registry.metrics(),
  };
}

function createGauge<L extends string>(
  name: string,
  help: string,
  labels: readonly L[],
  collect: ((gauge: Gauge<L>) => void | Promise<void>) | undefined,
  registers: Registry[],
): Gauge<L> {
  const gauge: Gauge<L> = new Gauge({
    ...{ name, help, labelNames: [...labels], registers },
    ...(collect && { collect: () => collect(gauge) }),
  });
  return gauge;
}
