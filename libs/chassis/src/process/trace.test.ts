import { describe, expect, it } from '@jest/globals';
import { childTrace, currentTraceparent, newTrace, parseTraceparent, runWithTrace } from './trace.ts';

const header = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('trace context', () => {
  it('when a traceparent is valid, then its parts are read', () => {
    expect(parseTraceparent(header)).toEqual({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      sampled: true,
    });
  });

  it.each([
    undefined,
    '',
    'rubbish',
    header.toUpperCase(),
    `${header}-more`,
    header.replace(/^00/, 'ff'),
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  ])('when a traceparent is malformed (%s), then there is no trace', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('when a later version has more fields, then it is read', () => {
    expect(parseTraceparent(`${header.replace(/^00/, '01')}-more`)?.sampled).toBe(true);
  });

  it("when a child is made, then it has its parent's trace and a new span", () => {
    const parent = newTrace();
    const child = childTrace(parent);
    expect(child.traceId).toBe(parent.traceId);
    expect(child.spanId).not.toBe(parent.spanId);
    expect(child.spanId).toMatch(/^[0-9a-f]{16}$/);
  });

  it('when work runs with a trace, then everything awaited in it sees it and nothing outside does', async () => {
    const seen = await runWithTrace(header, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return currentTraceparent();
    });
    expect(seen).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(currentTraceparent()).toBeUndefined();
  });
});
