import { AsyncLocalStorage } from 'node:async_hooks';
import { randomFillSync } from 'node:crypto';

/** A span's place in a trace (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: this span. */
  readonly spanId: string;
  /** Whether spans of this trace are recorded. The gateway decides; everyone else keeps to it. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const storage = new AsyncLocalStorage<TraceContext>();

/** Undefined for a missing or malformed header: the trace then starts here. */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  if (!header || header.length > 128) return undefined;
  const match = TRACEPARENT.exec(header);
  if (!match) return undefined;
  const [, traceId, spanId, flags] = match;
  if (!traceId || !spanId || !flags || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  // Version 00 has exactly four fields; later versions may add some.
  if (header.startsWith('00-') && match[4]) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

export function newTrace(): TraceContext {
  return { traceId: randomHex(16), spanId: randomHex(8), sampled: false };
}

/** A new span in the parent's trace; without a parent a new trace, which is not recorded. */
export function childTrace(parent: TraceContext | undefined): TraceContext {
  return parent ? { ...parent, spanId: randomHex(8) } : newTrace();
}

/**
 * Runs `work` as a child span of `parent` (a context or a traceparent header). Everything awaited in it sees that span.
 */
export function runWithTrace<T>(parent: TraceContext | string | undefined, work: () => T): T {
  return storage.run(childTrace(typeof parent === 'string' ? parseTraceparent(parent) : parent), work);
}

/** Runs `work` in exactly this span. */
export function runInTrace<T>(trace: TraceContext, work: () => T): T {
  return storage.run(trace, work);
}

/** Runs `work` outside any trace. */
export function runOutsideTraces<T>(work: () => T): T {
  return storage.exit(work);
}

export function currentTrace(): TraceContext | undefined {
  return storage.getStore();
}

/** The header to send on and to store with an event; undefined outside any trace. */
export function currentTraceparent(): string | undefined {
  const trace = storage.getStore();
  return trace && formatTraceparent(trace);
}

const entropy = Buffer.alloc(4096);
let used = entropy.length;

/** Entropy for hundreds of ids, fetched by one system call. */
function randomHex(bytes: number): string {
  if (used + bytes > entropy.length) {
    randomFillSync(entropy);
    used = 0;
  }
  const hex = entropy.toString('hex', used, used + bytes);
  used += bytes;
  return /^0+$/.test(hex) ? randomHex(bytes) : hex;
}
