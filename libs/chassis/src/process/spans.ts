import {
  childTrace,
  currentTrace,
  newTrace,
  parseTraceparent,
  runInTrace,
  runOutsideTraces,
  type TraceContext,
} from './trace.ts';

/** What a span is to others, in OpenTelemetry's words. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** Named by OpenTelemetry's semantic conventions; `shop.*` where they have no name. Undefined ones are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A piece of work that has ended. */
export interface Span {
  readonly trace: TraceContext;
  readonly parent: TraceContext | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** performance.now(), ms. */
  readonly startedAt: number;
  readonly attributes?: SpanAttributes | undefined;
  /** Spans that this one has to do with, besides its parent. */
  readonly links?: readonly TraceContext[] | undefined;
  /** Why it failed: its status is then ERROR. */
  readonly error?: string | undefined;
}

/** Takes spans to where they are kept. */
export interface SpanSink {
  /** Whether a client's trace goes on in the shop, recorded or not as the client says. Asked by the gateway. */
  readonly believesClients: boolean;
  /** Whether a trace that begins here is recorded. Asked by the gateway. */
  samples(traceId: string): boolean;
  /** Never waits and never throws. `endedAt`: performance.now(), ms. */
  add(span: Span, endedAt: number): void;
}

let sink: SpanSink | undefined;

/** Attributes that are known before their span ends. */
const noted = new WeakMap<TraceContext, Record<string, SpanAttributes[string]>>();

/** From now on spans go to `next`; undefined: none are made. */
export function sendSpansTo(next: SpanSink | undefined): void {
  sink = next;
}

/** Whether spans of this trace are recorded by this process. Everything that costs time asks this first. */
export function isRecorded(trace: TraceContext | undefined): trace is TraceContext {
  return sink !== undefined && trace?.sampled === true;
}

/** The span that a traceparent header names, if its trace is recorded. */
export function recordedTrace(header: string | undefined): TraceContext | undefined {
  // Most are not, and their header ends so: nothing more is read of it.
  if (!sink || !header || header.endsWith('-00')) return undefined;
  const trace = parseTraceparent(header);
  return isRecorded(trace) ? trace : undefined;
}

/** Whether any spans are recorded by this process. */
export function isTracing(): boolean {
  return sink !== undefined;
}

/** Records a span that ends now, if its trace is recorded. */
export function recordSpan(span: Span): void {
  if (!sink || !span.trace.sampled) return;
  const notes = noted.get(span.trace);
  sink.add(notes ? { ...span, attributes: { ...span.attributes, ...notes } } : span, performance.now());
}

/** Adds attributes to a span that has not ended; default: the current one. */
export function noteOnSpan(attributes: SpanAttributes, trace = currentTrace()): void {
  if (!isRecorded(trace)) return;
  noted.set(trace, { ...noted.get(trace), ...attributes });
}

/** The place of a request's span at the edge of the shop. */
export interface EdgeTrace {
  readonly trace: TraceContext;
  readonly parent: TraceContext | undefined;
  readonly links: readonly TraceContext[];
}

/**
 * A new trace at the edge of the shop, linked to the client's. Samplers decide by the trace id, so a client that chose
 * it could make every service record each of its requests. Only where clients are believed, their trace goes on.
 */
export function edgeTrace(header: string | undefined): EdgeTrace {
  const client = parseTraceparent(header);
  if (client && sink?.believesClients) return { trace: childTrace(client), parent: client, links: [] };
  const trace = newTrace();
  const sampled = sink?.samples(trace.traceId) ?? false;
  return { trace: { ...trace, sampled }, parent: undefined, links: client ? [client] : [] };
}

export interface Work {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: SpanAttributes;
}

/** Runs `work` as a child span of the current one, if that is recorded. */
export function inSpan<T>(of: Work, work: () => Promise<T>): Promise<T> {
  const parent = sink && currentTrace();
  return isRecorded(parent) ? runRecorded({ ...of, parent }, work) : work();
}

/**
 * Runs the joint work for several requests or messages as one span, which is a child of the first of `members` that is
 * recorded and linked to the others. A link to the parent too would take the parent's place in Jaeger. If none is
 * recorded, the work runs outside any trace: a busy batcher goes on in the trace of an earlier request.
 */
export function inBatchSpan<T>(
  members: readonly (TraceContext | undefined)[],
  of: Work,
  work: () => Promise<T>,
): Promise<T> {
  if (!sink) return work();
  const [parent, ...links] = members.filter(isRecorded);
  return parent ? runRecorded({ ...of, parent, links }, work) : runOutsideTraces(work);
}

async function runRecorded<T>(
  of: Work & { readonly parent: TraceContext; readonly links?: readonly TraceContext[] },
  work: () => Promise<T>,
): Promise<T> {
  const trace = childTrace(of.parent);
  const startedAt = performance.now();
  try {
    const result = await runInTrace(trace, work);
    recordSpan({ ...of, trace, startedAt });
    return result;
  } catch (error) {
    recordSpan({ ...of, trace, startedAt, error: reasonOf(error) });
    throw error;
  }
}

/** Longest text of an error in a span. */
const MAX_REASON = 300;

/** Most errors of a chain of causes in a span. */
const MAX_CAUSES = 3;

/**
 * The names and codes of an error and its causes, the outermost first. Messages are left out: they have SQL with its
 * values, and what others have answered.
 */
export function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  for (let cause = error; cause instanceof Error && reasons.length < MAX_CAUSES; cause = cause.cause) {
    const { code, errno } = cause as { readonly code?: unknown; readonly errno?: unknown };
    reasons.push([cause.name, code ?? errno].filter((part) => part !== undefined && part !== null).join(' '));
  }
  return reasons.join(', by ').slice(0, MAX_REASON) || 'an error of no kind';
}
