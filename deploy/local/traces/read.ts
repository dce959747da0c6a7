/** A span as Jaeger keeps it. */
export interface TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  /** Microseconds since the epoch. */
  readonly startedAt: number;
  /** Microseconds. */
  readonly duration: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Why it failed; undefined for a span that did not. */
  readonly error: string | undefined;
}

interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly { readonly key: string; readonly value: string | number | boolean }[];
  readonly processID: string;
}

interface JaegerTrace {
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

/** The spans of a trace, in order of their start; none for one that Jaeger does not know. @param url Jaeger's */
export async function readTrace(url: string, traceId: string): Promise<TraceSpan[]> {
  const answer = await fetch(`${url}/api/traces/${traceId}`, { signal: AbortSignal.timeout(5_000) });
  if (answer.status === 404) return [];
  if (!answer.ok) throw new Error(`Jaeger answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  const { data } = (await answer.json()) as { data: readonly JaegerTrace[] };
  const spans = data.flatMap(({ spans, processes }) => spans.map((span) => toSpan(span, processes)));
  return spans.sort((a, b) => a.startedAt - b.startedAt);
}

function toSpan(span: JaegerSpan, processes: JaegerTrace['processes']): TraceSpan {
  const attributes = Object.fromEntries(span.tags.map(({ key, value }) => [key, value]));
  const parent = span.references.find(({ refType }) => refType === 'CHILD_OF');
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    parentId: parent?.spanID,
    name: span.operationName,
    kind: String(attributes['span.kind'] ?? 'internal'),
    service: processes[span.processID]?.serviceName ?? 'unknown',
    startedAt: span.startTime,
    duration: span.duration,
    attributes,
    links: span.references
      .filter((reference) => reference !== parent)
      .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID })),
    error: attributes['otel.status_code'] === 'ERROR' ? String(attributes['otel.status_description'] ?? '') : undefined,
  };
}
