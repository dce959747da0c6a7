import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { edgeTrace, inBatchSpan, inSpan, noteOnSpan, recordSpan, type Span, sendSpansTo } from './spans.ts';
import { childTrace, currentTrace, newTrace, runInTrace, type TraceContext } from './trace.ts';

const CLIENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let spans: Span[];
let sampled: boolean;

beforeEach(() => {
  spans = [];
  sampled = true;
  sendSpansTo({ samples: () => sampled, add: (span) => void spans.push(span) });
});
afterEach(() => sendSpansTo(undefined));

const recorded = (): TraceContext => ({ ...newTrace(), sampled: true });
const work = { name: 'work', kind: 'internal' } as const;

describe('the edge', () => {
  it('when a client says that its trace is recorded, then the gateway decides all the same', () => {
    sampled = false;
    const { trace, client } = edgeTrace(CLIENT);
    expect(trace).toMatchObject({ traceId: client?.traceId, sampled: false });
    sampled = true;
    expect(edgeTrace(CLIENT.replace(/01$/, '00')).trace.sampled).toBe(true);
  });

  it('when nothing is traced, then a new trace says so, and so does a client’s', () => {
    sendSpansTo(undefined);
    expect(edgeTrace(undefined).trace.sampled).toBe(false);
    expect(edgeTrace(CLIENT).trace.sampled).toBe(false);
  });
});

describe('spans', () => {
  it('when work runs in a span, then it is a child of the current one, and what is noted meanwhile is on it', async () => {
    const parent = recorded();
    const inner = await runInTrace(parent, () =>
      inSpan({ ...work, attributes: { a: 1 } }, async () => {
        noteOnSpan({ b: 2 });
        return currentTrace();
      }),
    );
    expect(spans).toMatchObject([{ name: 'work', trace: inner, parent, attributes: { a: 1, b: 2 } }]);
    expect(spans[0]?.error).toBeUndefined();
    expect(inner).toMatchObject({ traceId: parent.traceId, sampled: true });
    expect(inner?.spanId).not.toBe(parent.spanId);
  });

  it('when work fails, then its span says why, and the caller gets the error', async () => {
    const failing = runInTrace(recorded(), () => inSpan(work, () => Promise.reject(new Error('the broker is away'))));
    await expect(failing).rejects.toThrow('the broker is away');
    expect(spans.map(({ error }) => error)).toEqual(['Error: the broker is away']);
  });

  it('when a trace is not recorded, then no span is made and the work runs all the same', async () => {
    const trace = newTrace();
    const seen = await runInTrace(trace, () => inSpan(work, async () => currentTrace()));
    recordSpan({ ...work, trace: childTrace(trace), parent: trace, startedAt: 0 });
    expect(await inBatchSpan([undefined, trace], work, async () => 1)).toBe(1);
    expect(seen).toBe(trace);
    expect(spans).toEqual([]);
  });

  it('when several work together, then one span is a child of the first that is recorded, and linked to the others', async () => {
    const [first, second] = [recorded(), recorded()];
    await inBatchSpan([newTrace(), first, undefined, second], work, async () => undefined);
    expect(spans).toMatchObject([{ parent: first, links: [second] }]);
    expect(spans[0]?.trace.traceId).toBe(first.traceId);
  });
});
