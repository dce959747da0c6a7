import { expect, it } from '@jest/globals';
import { traceOf } from './trace.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const UI = 'http://jaeger/trace/{traceId}';

it('when an order’s trace was recorded, then its address is told where the template is known', () => {
  const recorded = `00-${traceId}-00f067aa0ba902b7-01`;
  expect(traceOf(recorded, UI)).toMatchObject({ traceId, recorded: true, url: `http://jaeger/trace/${traceId}` });
  expect(traceOf(recorded, undefined)?.words).toBe(`Trace ${traceId}.`);
});

it('when it was not recorded, then its id is told for the logs, and no address', () => {
  const trace = traceOf(`00-${traceId}-00f067aa0ba902b7-00`, UI);
  expect(trace).toMatchObject({ recorded: false, url: undefined, words: `Trace ${traceId} (only in logs).` });
});

it('when no request placed the order, then there is no trace', () => {
  expect(traceOf(null, UI)).toBeUndefined();
  expect(traceOf(undefined, UI)).toBeUndefined();
});
