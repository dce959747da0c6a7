import { type Attributes, type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  type ReadableSpan,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';
import type { Span, SpanAttributes, SpanSink } from './spans.ts';
import type { TraceContext } from './trace.ts';

// The one file that knows OpenTelemetry's packages. It is imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set: they
// cost memory and time at the start.

/** Most spans that wait to be sent or for the collector's answer; further ones are dropped. */
export const MAX_QUEUE = 2_048;
/** Spans are sent so often, ms. */
const SEND_EVERY_MS = 1_000;

export interface ExportOptions {
  readonly service: string;
  readonly instance: string;
  readonly endpoint: string;
  /** One of OTEL_TRACES_SAMPLER. */
  readonly sampler: string;
  /** For samplers of a share: 0 … 1. */
  readonly ratio: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly sendTimeoutMs: number;
}

export interface SpanExport extends SpanSink {
  /** Sends what waits, then takes no more. */
  stop(): Promise<void>;
}

/** Sends spans to a collector (OTLP over HTTP), in batches. A collector that is away or slow costs spans, not time. */
export function createSpanExport(options: ExportOptions): SpanExport {
  const { service, instance, endpoint, logger, metrics, sendTimeoutMs } = options;
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: sendTimeoutMs,
  });
  const losses = createLosses(logger, metrics, () => performance.now());
  let waiting = 0;
  const counted = countSent(exporter, losses, (sent) => {
    waiting -= sent;
  });
  const processor = new BatchSpanProcessor({
    exporter: counted,
    maxQueueSize: MAX_QUEUE,
    scheduledDelayMillis: SEND_EVERY_MS,
    exportTimeoutMillis: sendTimeoutMs,
  });
  const own = resourceFromAttributes({ 'service.name': service, 'service.instance.id': instance });
  const toReadable = createToReadable(detectResources({ detectors: [envDetector] }).merge(own));
  return {
    ...createSampling(options),
    add(span, endedAt) {
      // The processor drops silently.
      if (waiting >= MAX_QUEUE) return losses.dropped('queue', 1);
      waiting += 1;
      processor.onEnd(toReadable(span, endedAt));
    },
    stop: () => processor.shutdown(),
  };
}

/** Decides which traces are recorded, as OpenTelemetry's variables say. */
function createSampling({ sampler, ratio }: ExportOptions): Pick<SpanSink, 'believesClients' | 'samples'> {
  const root = rootSampler(sampler.replace('parentbased_', ''), ratio);
  return {
    believesClients: sampler.startsWith('parentbased_'),
    samples: (traceId) =>
      root.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.SERVER, {}, []).decision !== SamplingDecision.NOT_RECORD,
  };
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler();
  if (name === 'always_off') return new AlwaysOffSampler();
  return new TraceIdRatioBasedSampler(ratio);
}

type Losses = ReturnType<typeof createLosses>;

/** Without a loss for this long, losses have ended, ms. A slow collector takes some spans between two losses. */
export const LOSSES_END_MS = 60_000;

/**
 * Counts spans that were lost, and says once that they are, and once that they no longer are.
 *
 * @param now ms, monotonic
 */
export function createLosses(logger: Pick<Logger, 'warn' | 'info'>, metrics: Metrics, now: () => number) {
  const sent = metrics.counter('tracing_spans_sent_total', 'Spans that the collector has taken');
  const dropped = metrics.counter('tracing_spans_dropped_total', 'Spans lost: the queue was full, or sending failed', [
    'reason',
  ]);
  /** Of the last loss, until losses have ended. */
  let lostAt: number | undefined;
  return {
    dropped(reason: 'queue' | 'sending', spans: number, error?: unknown): void {
      dropped.inc({ reason }, spans);
      if (lostAt === undefined)
        logger.warn({ reason, error: error && String(error) }, 'spans are lost: the collector is away or slow');
      lostAt = now();
    },
    sent(spans: number): void {
      sent.inc(spans);
      if (lostAt === undefined || now() - lostAt < LOSSES_END_MS) return;
      logger.info({}, 'the collector takes spans again');
      lostAt = undefined;
    },
  };
}

/** @param taken called with the number of spans that no longer wait */
function countSent(exporter: SpanExporter, losses: Losses, taken: (spans: number) => void): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        taken(spans.length);
        if (result.code === 0) losses.sent(spans.length);
        else losses.dropped('sending', spans.length, result.error);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

const KINDS: Readonly<Record<Span['kind'], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

/** A span in the SDK's form. Its tracer is not used: the ids and times are known already. */
function createToReadable(resource: Resource): (span: Span, endedAt: number) => ReadableSpan {
  const toEpoch = createEpoch();
  return (span, endedAt) => {
    const { trace, parent, name, kind, startedAt, links = [], error } = span;
    return {
      name,
      kind: KINDS[kind],
      spanContext: () => toContext(trace),
      ...(parent && { parentSpanContext: toContext(parent) }),
      startTime: toHrTime(toEpoch(startedAt)),
      endTime: toHrTime(toEpoch(endedAt)),
      duration: toHrTime(endedAt - startedAt),
      status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
      attributes: defined(span.attributes),
      links: links.map((link) => ({ context: toContext(link) })),
      events: [],
      ended: true,
      resource,
      instrumentationScope: { name: 'shop' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  };
}

function toContext({ traceId, spanId }: TraceContext) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

function defined(attributes: SpanAttributes = {}): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

/** Difference between the two clocks from which it is taken anew, ms. */
const DRIFT_MS = 2;

/**
 * performance.now() as ms since the epoch. It is finer than Date.now(), but does not follow a clock that is set: so the
 * difference of the two is taken anew where it has changed.
 */
function createEpoch(): (at: number) => number {
  let difference = Date.now() - performance.now();
  return (at) => {
    const now = Date.now() - performance.now();
    if (Math.abs(now - difference) > DRIFT_MS) difference = now;
    return difference + at;
  };
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
