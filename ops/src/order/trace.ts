import { parseTraceparent } from '@shop/chassis';

export interface OrderTrace {
  readonly traceId: string;
  /** Whether its spans were recorded, as the gateway decided. */
  readonly recorded: boolean;
  /** Where it is shown, if that is known. */
  readonly url: string | undefined;
  /** For people. */
  readonly words: string;
}

/**
 * The trace of the request that placed an order, if there is one.
 * @param template TRACE_UI_URL: an address with `{traceId}` in it
 */
export function traceOf(traceparent: string | null | undefined, template: string | undefined): OrderTrace | undefined {
  const trace = parseTraceparent(traceparent ?? undefined);
  if (!trace) return undefined;
  const { traceId, sampled: recorded } = trace;
  const url = recorded ? template?.replaceAll('{traceId}', traceId) : undefined;
  return {
    traceId,
    recorded,
    url,
    words: `Trace ${traceId}${recorded ? '' : ' (only in logs)'}${url ? `: ${url}` : '.'}`,
  };
}
