import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { TraceSpan } from '../../deploy/local/traces/read.ts';
import { bytesOf, hexOf, messagesOf, numberOf, type ProtobufFields, readProtobuf, textOf } from './protobuf.ts';

/**
 * A collector of traces for tests (OTLP over HTTP, Protocol Buffers). Jaeger is built from source for some minutes, so
 * only the drills use it.
 */
export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** The spans of a trace that have come, in order of their start. */
  spansOf(traceId: string): TraceSpan[];
  /** Takes requests and answers none, until `goAway`. */
  hang(): void;
  /** Breaks all connections and listens no more. */
  goAway(): Promise<void>;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const spans: TraceSpan[] = [];
  let hangs = false;
  let server: Server | undefined;
  let port = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (hangs) return;
    const body = Buffer.concat(parts);
    spans.push(...readSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
    response.setHeader('content-type', 'application/x-protobuf').end();
  };
  const comeBack = async () => {
    hangs = false;
    // A connection that breaks within a request is the sender's matter: it sends its spans again.
    const next = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject);
      next.listen(port, '127.0.0.1', resolve);
    });
    const address = next.address();
    if (typeof address === 'object' && address) port = address.port;
    server = next;
  };
  await comeBack();
  return {
    url: `http://127.0.0.1:${port}`,
    spansOf: (id) => spans.filter(({ traceId }) => traceId === id).sort((a, b) => a.startedAt - b.startedAt),
    hang() {
      hangs = true;
    },
    async goAway() {
      const left = server;
      server = undefined;
      if (!left) return;
      const closed = new Promise((resolve) => left.close(resolve));
      left.closeAllConnections();
      await closed;
    },
    comeBack,
  };
}

/** Span.kind of OTLP, by its number. */
const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'];
/** Status.code of a span that failed. */
const FAILED = 2n;

/**
 * The spans of an ExportTraceServiceRequest. The numbers of its fields are those of
 * https://github.com/open-telemetry/opentelemetry-proto (collector/trace/v1 and trace/v1).
 */
function readSpans(request: Buffer): TraceSpan[] {
  return messagesOf(readProtobuf(request), 1).flatMap((resourceSpans) => {
    const resource = attributesIn(messagesOf(resourceSpans, 1).flatMap((fields) => messagesOf(fields, 1)));
    const service = String(resource['service.name'] ?? 'unknown');
    const scopes = messagesOf(resourceSpans, 2);
    return scopes.flatMap((scope) => messagesOf(scope, 2).map((span) => toSpan(span, service)));
  });
}

function toSpan(span: ProtobufFields, service: string): TraceSpan {
  const [startedAt, endedAt] = [numberOf(span, 7), numberOf(span, 8)].map((ns) => Number(ns / 1_000n)) as [
    number,
    number,
  ];
  const [status] = messagesOf(span, 15);
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentId: hexOf(span, 4) || undefined,
    name: textOf(span, 5),
    kind: KINDS[Number(numberOf(span, 6))] ?? 'unknown',
    service,
    startedAt,
    duration: endedAt - startedAt,
    attributes: attributesIn(messagesOf(span, 9)),
    links: messagesOf(span, 13).map((link) => ({ traceId: hexOf(link, 1), spanId: hexOf(link, 2) })),
    error: status && numberOf(status, 3) === FAILED ? textOf(status, 2) : undefined,
  };
}

/** The values of KeyValue messages. Lists and maps, which no span of ours has, are left out. */
function attributesIn(pairs: readonly ProtobufFields[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const [value] = messagesOf(pair, 2);
      const known = value && scalarOf(value);
      return known === undefined ? [] : [[textOf(pair, 1), known]];
    }),
  );
}

function scalarOf(value: ProtobufFields): string | number | boolean | undefined {
  if (bytesOf(value, 1).length > 0) return textOf(value, 1);
  if (value.has(2)) return numberOf(value, 2) === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, numberOf(value, 3)));
  if (!value.has(4)) return undefined;
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64LE(numberOf(value, 4));
  return bits.readDoubleLE();
}
