import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { createLosses, LOSSES_END_MS, MAX_QUEUE } from './span-export.ts';
import { edgeTrace, isTracing, recordSpan } from './spans.ts';
import { newTrace } from './trace.ts';
import { startTracing, type TracingConfig } from './tracing.ts';

const CHASSIS = fileURLToPath(new URL('../index.ts', import.meta.url));
/** prom-client brings OpenTelemetry's interfaces, which do nothing. */
const PROGRAM = `
import { registerHooks } from 'node:module';
const loaded = new Set();
registerHooks({ load(url, context, next) {
  const name = /node_modules\\/(@opentelemetry\\/[^/]+)/.exec(url)?.[1];
  if (name && name !== '@opentelemetry/api') loaded.add(name);
  return next(url, context);
} });
const { createRuntime } = await import(process.env.CHASSIS);
const config = { HOST: '127.0.0.1', PORT: 0, INSTANCE_ID: 'p', LOG_LEVEL: 'silent' };
const runtime = createRuntime('probe', { ...config, OTEL_EXPORTER_OTLP_ENDPOINT: process.env.ENDPOINT });
await runtime.listen((_, response) => response.end());
console.log(JSON.stringify([...loaded]));
await runtime.shutdown.stop('done');
`;

async function packagesLoaded(env: Record<string, string>): Promise<string[]> {
  const program = ['--input-type=module', '-e', PROGRAM];
  const { NODE_OPTIONS: _jest, ...own } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, program, { env: { ...own, ...env, CHASSIS } });
  return JSON.parse(stdout) as string[];
}

let server: Server | undefined;
let stop: () => Promise<void> | void = () => undefined;
afterEach(async () => {
  await stop();
  server?.closeAllConnections();
  server?.close();
});

/** Starts tracing towards a collector that answers so. */
async function trace(answer: RequestListener, config: TracingConfig = {}, sendTimeoutMs = 300) {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const logged: { level: string; msg: string }[] = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const metrics = createMetrics({ defaults: false });
  await startTracing({
    ...{ service: 'order', instance: 'order-1', metrics },
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, ...config },
    logger: createLogger({ service: 'order', destination }),
    sendTimeoutMs,
    shutdown: {
      onStop(_, hook) {
        stop = hook;
      },
    },
  });
  const record = (spans: number) => {
    for (let n = 0; n < spans; n += 1)
      recordSpan({
        ...{ name: 'work', kind: 'internal', parent: undefined, startedAt: performance.now() },
        trace: { ...newTrace(), sampled: true },
      });
  };
  return { logged, metrics, record };
}

describe('tracing', () => {
  it('when no collector is named, then none of OpenTelemetry’s packages is loaded', async () => {
    expect(await packagesLoaded({})).toEqual([]);
    expect(await packagesLoaded({ ENDPOINT: 'http://127.0.0.1:1' })).toContain('@opentelemetry/sdk-trace');
  });

  it('when the process stops, then the collector gets the last spans, with the service’s name', async () => {
    const got: Buffer[] = [];
    const paths: unknown[] = [];
    const { record, metrics } = await trace(async (request, response) => {
      paths.push(`${request.method} ${request.url}`);
      for await (const chunk of request) got.push(chunk as Buffer);
      response.end();
    });
    record(3);
    await stop();
    expect(isTracing()).toBe(false);
    expect(paths).toEqual(['POST /v1/traces']);
    expect(Buffer.concat(got).includes('order-1')).toBe(true);
    expect(await metrics.render()).toContain('tracing_spans_sent_total 3');
  });

  it('when the collector does not answer, then spans are dropped, counted and logged once, and the stop is short', async () => {
    const { record, metrics, logged } = await trace(() => undefined);
    record(10_000);
    const [, lost = '0'] = /dropped_total\{reason="queue"\} (\d+)/.exec(await metrics.render()) ?? [];
    expect(Number(lost)).toBeGreaterThan(6_000);
    expect(logged.map(({ msg }) => msg)).toEqual(['spans are lost: the collector is away or slow']);
    await stop();
    expect(logged.map(({ msg }) => msg).at(-1)).toBe('the last spans were not sent');
  });

  it.each([
    ['always_on', undefined, true],
    ['always_off', undefined, false],
    ['traceidratio', 1, true],
    ['traceidratio', 0, false],
    ['parentbased_always_off', undefined, true],
  ] as const)('when the sampler is %s of %s, then a client’s recorded trace is recorded: %s', async (name, arg, is) => {
    await trace((_, response) => void response.end(), { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg });
    expect(edgeTrace('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01').trace.sampled).toBe(is);
  });

  it('when a client chooses the trace id that samplers take, then it decides nothing', async () => {
    const config = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 0.01 } as const;
    await trace((_, response) => void response.end(), config);
    const chosen = '00-00000000000000000000000000000001-00f067aa0ba902b7-01';
    const recorded = Array.from({ length: 100 }, () => edgeTrace(chosen).trace.sampled).filter(Boolean);
    // About one; fifty by chance are out of the question.
    expect(recorded.length).toBeLessThan(50);
  });

  it('when the collector hangs, then spans that were handed to it count as waiting', async () => {
    const asked = Promise.withResolvers<void>();
    const { record, metrics } = await trace(() => asked.resolve(), {}, 3_000);
    record(MAX_QUEUE);
    await asked.promise;
    record(1_000);
    expect(await metrics.render()).toContain('tracing_spans_dropped_total{reason="queue"} 1000');
  });

  it('when some spans are lost and others taken in turn, then the log says so once, and when a minute has passed', () => {
    const logged: string[] = [];
    const destination = { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) };
    let now = 0;
    const losses = createLosses(
      createLogger({ service: 'order', destination }),
      createMetrics({ defaults: false }),
      () => now,
    );
    for (; now < 5_000; now += 1_000) {
      losses.dropped('queue', 1);
      losses.sent(1);
    }
    const lastLoss = now - 1_000;
    now = lastLoss + LOSSES_END_MS - 1;
    losses.sent(1);
    expect(logged).toEqual(['spans are lost: the collector is away or slow']);
    now = lastLoss + LOSSES_END_MS;
    losses.sent(1);
    losses.sent(1);
    expect(logged.slice(1)).toEqual(['the collector takes spans again']);
  });

  it('when a hundredth is to be recorded, then about a hundredth is', async () => {
    const config = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 0.01 } as const;
    await trace((_, response) => void response.end(), config);
    const recorded = Array.from({ length: 20_000 }, () => edgeTrace(undefined).trace.sampled).filter(Boolean);
    // Six standard deviations around 200.
    expect(Math.abs(recorded.length - 200)).toBeLessThan(85);
  });
});
