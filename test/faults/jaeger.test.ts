import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collectorPort } from '../../deploy/local/parts/jaeger.ts';
import { runningProcesses } from '../../deploy/local/stack.ts';
import { readTrace, type TraceSpan } from '../../deploy/local/traces/read.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { expectOps } from '../support/ops.ts';
import { testStack } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// What a trace holds is tested with a small collector (test/integration/traces.test.ts). Here Jaeger itself takes it:
// Go builds it from source the first time, for some minutes.
const BUILD_MS = 1_200_000;
const jaeger = testStack().part('jaeger');
const JAEGER_URL = `http://127.0.0.1:${jaeger.port}`;
/** As after `npm start -- --trace`. */
const TRACED = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort(jaeger.port)}`,
  OTEL_TRACES_SAMPLER: 'always_on',
};
const SERVICES = ['catalog', 'gateway', 'order', 'payment', 'ranking'];

let system: System;

beforeAll(async () => {
  await jaeger.start();
  system = await startSystem({ env: TRACED });
}, BUILD_MS);

afterAll(async () => {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await system?.stop();
    await jaeger.stop();
  }
}, 60_000);

/** An order that has completed, with the trace that its answer names. */
async function completed(): Promise<{ readonly orderId: string; readonly traceId: string }> {
  const { api } = system;
  const [productId, userId] = [await api.newProduct(1_500, 10), await api.newUser(10_000)];
  const { body, headers } = expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
  expect(body.status).toBe('COMPLETED');
  const [, traceId = ''] = headers.get('traceparent')?.split('-') ?? [];
  return { orderId: body.orderId, traceId };
}

/** The spans of a trace, once Jaeger has one of each service. */
async function wholeTrace(traceId: string): Promise<TraceSpan[]> {
  return await eventually(
    `the trace ${traceId}`,
    async () => {
      const spans = await readTrace(JAEGER_URL, traceId);
      const known = new Set(spans.map(({ service }) => service));
      return SERVICES.every((service) => known.has(service)) && spans;
    },
    { withinMs: 30_000 },
  );
}

describe('Jaeger', () => {
  it('when an order completes, then Jaeger has its trace with every service, and serves the page that draws it', async () => {
    const { orderId, traceId } = await completed();
    const spans = await wholeTrace(traceId);
    expect(spans.filter(({ error }) => error !== undefined)).toEqual([]);
    const { stdout } = await expectOps(system.stack, ['order', orderId]);
    expect(stdout).toContain(`Trace ${traceId}`);
    const page = await fetch(`${JAEGER_URL}/trace/${traceId}`);
    expect(await page.text()).toContain('static/page.js');
    expect((await fetch(`${JAEGER_URL}/static/page.js`)).headers.get('content-type')).toContain('javascript');
  });

  it('when it hangs or is killed, then orders complete; when it is back, then it gets their traces', async () => {
    const { pid } = runningProcesses(system.stack.name).find(({ name }) => name === 'jaeger') ?? {};
    if (!pid) throw new Error('Jaeger does not run');
    process.kill(pid, 'SIGSTOP');
    await completed();
    await jaeger.kill9();
    await completed();
    await jaeger.start();
    await wholeTrace((await completed()).traceId);
  });
});
