import type { Logger } from 'pino';
import { z } from 'zod';
import type { Metrics } from './metrics.ts';
import type { Shutdown } from './shutdown.ts';
import { sendSpansTo } from './spans.ts';
import { within } from './within.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Where spans are sent. All other variables of OpenTelemetry's exporter (headers, certificates) are read by it. */
export const spansVariable = z
  .url({ protocol: /^https?$/ })
  .optional()
  .describe('collector of traces (OTLP over HTTP), such as http://127.0.0.1:4318; without it nothing is traced');

/** Which traces are recorded: only who begins them, the gateway, decides. */
export const samplingVariables = {
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .default('traceidratio')
    .describe('which requests are traced; with parentbased_* a client that sends a traceparent decides for its own'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(0.01).describe('share of them with *traceidratio'),
} as const;

/** A type and not an interface: a configuration is read as a record. */
export type TracingConfig = {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_TRACES_SAMPLER?: (typeof SAMPLERS)[number] | undefined;
  readonly OTEL_TRACES_SAMPLER_ARG?: number | undefined;
};

/** Longest time to send the last spans when the process stops, ms. */
const FLUSH_MS = 2_000;
/** Longest time to send some spans once, ms. */
const SEND_TIMEOUT_MS = 10_000;

export interface TracingOptions {
  readonly service: string;
  readonly instance: string;
  readonly config: TracingConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly shutdown: Pick<Shutdown, 'onStop'>;
  /** Longest time to send some spans once, with all attempts, ms; default 10,000. */
  readonly sendTimeoutMs?: number;
}

/**
 * Records spans from now on, where a collector is named; else OpenTelemetry's packages are not even loaded. Never
 * rejects: a service works without its traces.
 */
export async function startTracing(options: TracingOptions): Promise<void> {
  const { config, logger, shutdown } = options;
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint) return;
  let stop = async () => {};
  shutdown.onStop('tracing', () => stop());
  try {
    const { createSpanExport } = await import('./span-export.ts');
    const { sendTimeoutMs = SEND_TIMEOUT_MS } = options;
    // Only the gateway has the other two: only it is asked whether a trace is recorded.
    const { OTEL_TRACES_SAMPLER: sampler = 'always_off', OTEL_TRACES_SAMPLER_ARG: ratio = 0 } = config;
    const spans = createSpanExport({ ...options, endpoint, sendTimeoutMs, sampler, ratio });
    sendSpansTo(spans);
    stop = async () => {
      sendSpansTo(undefined);
      const late = () => new Error(`not within ${FLUSH_MS} ms`);
      await within(FLUSH_MS, spans.stop(), late).catch((error: unknown) =>
        logger.warn({ error: String(error) }, 'the last spans were not sent'),
      );
    };
  } catch (error) {
    logger.error({ err: error }, 'nothing is traced: OpenTelemetry cannot be loaded');
  }
}
