import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { edgeTrace, inBatchSpan, inSpan, noteOnSpan, reasonOf, recordSpan, type Span, sendSpansTo } from './spans.ts';
import { childTrace, currentTrace, newTrace, parseTraceparent, runInTrace, type TraceContext } from './trace.ts';

const CLIENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let spans: Span[];
let sampled: boolean;
let believed: boolean;

beforeEach(() => {
  spans = [];
  sampled = true;
  believed = false;
  sendSpansTo({
    get believesClients() {
      return believed;
    },
    samples: () => sampled,
    add: (span) => void spans.push(span),
  });
});
afterEach(() => sendSpansTo(undefined));

const recorded = (): TraceContext => ({ ...newTrace(), sampled: true });
const work = { name: 'work', kind: 'internal' } as const;

describe('the edge', () => {
  it('when a client names its trace, then a new one begins, and the gateway decides whether it is recorded', () => {
    const client = parseTraceparent(CLIENT);
    sampled = false;
    const { trace, parent, links } = edgeTrace(CLIENT);
    expect([trace.sampled, parent, links]).toEqual([false, undefined, [client]]);
    expect(trace.traceId).not.toBe(client?.traceId);
    sampled = true;
    expect(edgeTrace(CLIENT.replace(/01$/, '00')).trace.sampled).toBe(true);
  });

  it('when clients are believed, then their trace goes on, recorded as they say', () => {
    [believed, sampled] = [true, false];
    const client = parseTraceparent(CLIENT);
    const { trace, parent, links } = edgeTrace(CLIENT);
    expect([trace.traceId, trace.sampled, parent, links]).toEqual([client?.traceId, true, client, []]);
    expect(trace.spanId).not.toBe(client?.spanId);
    expect(edgeTrace(undefined).trace.sampled).toBe(false);
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
    expect(spans.map(({ error }) => error)).toEqual(['Error']);
  });

  it('when an error has a code and a cause, then the span has both names and codes, and no text of theirs', () => {
    const cause = Object.assign(new TypeError("Duplicate entry '4711'"), { code: 'ER_DUP_ENTRY', errno: 1062 });
    expect(reasonOf(new Error('INSERT … 4711', { cause }))).toBe('Error, by TypeError ER_DUP_ENTRY');
    expect(reasonOf('4711')).toBe('an error of no kind');
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

  it('when none of a batch is recorded, then its work is in no earlier request’s trace', async () => {
    const members = [newTrace(), undefined];
    const inner = () => inSpan(work, async () => currentTrace());
    expect(await runInTrace(recorded(), () => inBatchSpan(members, work, inner))).toBeUndefined();
    expect(spans).toEqual([]);
  });
});
