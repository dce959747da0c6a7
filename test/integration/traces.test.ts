import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { drawTrace } from '../../deploy/local/traces/picture.ts';
import type { TraceSpan } from '../../deploy/local/traces/read.ts';
import { type Answer, expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import { type Coupons, createCoupons } from '../support/coupons.ts';
import { eventually } from '../support/eventually.ts';
import { readMetric } from '../support/metrics.ts';
import { expectOps } from '../support/ops.ts';
import { type System, startSystem } from '../support/system.ts';

// Jaeger in the collector's place: test/faults/jaeger.test.ts.

let collector: Collector;
let system: System;
let api: System['api'];
let coupons: Coupons;

beforeAll(async () => {
  collector = await startCollector();
  // As after `npm start -- --trace`.
  system = await startSystem({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: 'always_on' },
  });
  api = system.api;
  coupons = createCoupons(system);
});

afterAll(async () => {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await coupons?.close();
    await system?.stop();
    await collector?.goAway();
  }
}, 60_000);

/** The trace of an answer: each names the span of the service that gave it. */
function traceIdOf({ headers }: Answer<unknown>): string {
  const [, traceId = ''] = headers.get('traceparent')?.split('-') ?? [];
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  return traceId;
}

/** What was processed in a trace, as `group: type`, sorted. */
function processedIn(spans: readonly TraceSpan[]): string[] {
  return spans
    .filter(({ kind }) => kind === 'consumer')
    .map(({ attributes }) => `${attributes['messaging.consumer.group.name']}: ${attributes['shop.event.type']}`)
    .sort();
}

/** The whole trace, once the collector has all that these groups do of it. */
async function traceWith(traceId: string, processed: readonly string[]): Promise<TraceSpan[]> {
  let spans: TraceSpan[] = [];
  await eventually(
    `the trace ${traceId}`,
    () => {
      spans = collector.spansOf(traceId);
      const now = processedIn(spans);
      const [root, ...others] = withoutParent(spans);
      // While a parent is still on its way, its child stands alone.
      const isWhole = root?.parentId === undefined && others.length === 0;
      return isWhole && processed.every((one) => now.includes(one));
    },
    { withinMs: 30_000 },
  ).catch((error: Error) => {
    throw new Error(`${error.message}; processed: ${processedIn(spans)}; spans: ${spans.map(({ name }) => name)}`);
  });
  return spans;
}

/** The spans whose parent is not in the trace. */
function withoutParent(spans: readonly TraceSpan[]): TraceSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentId }) => parentId === undefined || !ids.has(parentId));
}

/** Each span's parent, as `service kind name`. */
function parentsIn(spans: readonly TraceSpan[]): (readonly [child: TraceSpan, parent: TraceSpan])[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  return spans.flatMap((child) => {
    const parent = child.parentId === undefined ? undefined : byId.get(child.parentId);
    return parent ? [[child, parent] as const] : [];
  });
}

/** One root, no span id twice, and each span is where its cause is. */
function expectRightParents(spans: readonly TraceSpan[]): void {
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  expect(withoutParent(spans)).toMatchObject([{ service: 'gateway', kind: 'server', name: 'POST /orders' }]);
  const message = ({ attributes }: TraceSpan) => attributes['messaging.message.id'];
  for (const [child, parent] of parentsIn(spans)) {
    const told = `${child.service} ${child.name} under ${parent.service} ${parent.name}`;
    if (child.kind === 'server') expect([told, parent.service, parent.kind]).toEqual([told, 'gateway', 'server']);
    else if (child.kind === 'consumer')
      expect([told, parent.kind, message(parent)]).toEqual([told, 'producer', message(child)]);
    else expect([told, parent.service]).toEqual([told, child.service]);
    if (child.kind === 'producer')
      expect([told, ['server', 'consumer']]).toEqual([told, expect.arrayContaining([parent.kind])]);
    // Clocks of one machine. A span of a message begins when it is taken, and that of its sending ends with the answer.
    expect([told, child.startedAt >= parent.startedAt - 5_000]).toEqual([told, true]);
  }
}

const COMPLETED = [
  'catalog: order-completed',
  'catalog: order-created',
  'coupon: stock-reserved',
  'data-platform: order-completed',
  'order: coupon-redeemed',
  'order: payment-completed',
  'order: stock-reserved',
  'payment: coupon-redeemed',
  'ranking: order-completed',
];
const CANCELLED = [
  'catalog: order-cancelled',
  'catalog: order-created',
  'coupon: order-cancelled',
  'coupon: stock-reserved',
  'data-platform: order-cancelled',
  'order: coupon-redeemed',
  'order: payment-failed',
  'order: stock-reserved',
  'payment: coupon-redeemed',
];
const servicesIn = (spans: readonly TraceSpan[]) => [...new Set(spans.map(({ service }) => service))].sort();

async function placed(points: number, status: number) {
  const [productId, userId] = [await api.newProduct(1_500, 10), await api.newUser(points)];
  const couponId = await coupons.give(userId, 1_000);
  return expectStatus(await api.placeOrder(userId, [[productId, 1]], { couponId, wait: 20 }), status);
}

describe('the trace of an order', () => {
  it('when an order completes, then one trace has all services in it, and each span its right parent', async () => {
    const answer = await placed(10_000, 201);
    const spans = await traceWith(traceIdOf(answer), COMPLETED);
    expect(processedIn(spans)).toEqual(COMPLETED);
    expect(servicesIn(spans)).toEqual(['catalog', 'coupon', 'gateway', 'order', 'payment', 'ranking']);
    expectRightParents(spans);
    // For the documents: SCREENSHOTS=docs/screenshots renews the picture.
    const { SCREENSHOTS: folder } = process.env;
    if (folder) writeFileSync(join(folder, 'trace.svg'), drawTrace(spans, 'One order with a coupon, in one trace'));
    expect(spans.filter(({ error }) => error !== undefined)).toEqual([]);
    const { orderId } = answer.body;
    const ofOrder = spans.filter(
      ({ kind, service }) => kind === 'consumer' || (kind === 'server' && service === 'order'),
    );
    expect(new Set(ofOrder.map(({ attributes }) => attributes['shop.order.id']))).toEqual(new Set([orderId]));
    const named = (name: string) => spans.filter((span) => span.name === name).map(({ attributes }) => attributes);
    const request = { 'http.request.method': 'POST', 'http.route': '/orders', 'http.response.status_code': 201 };
    expect(named('POST /orders')).toMatchObject([request, request]);
    expect(named('transaction shop_payment')).toMatchObject([
      { 'db.system.name': 'mysql', 'db.namespace': 'shop_payment' },
    ]);
    expect(named('POST data-platform')).toMatchObject([{ 'http.response.status_code': 200 }]);
    const { stdout } = await expectOps(system.stack, ['order', orderId]);
    expect(stdout).toContain(`Trace ${traceIdOf(answer)}`);
  });

  it('when an order is cancelled, then its trace has what was given back, and the refusal’s code', async () => {
    const answer = await placed(0, 402);
    const spans = await traceWith(traceIdOf(answer), CANCELLED);
    expect(processedIn(spans)).toEqual(expect.arrayContaining(CANCELLED));
    expect(servicesIn(spans)).toEqual(expect.arrayContaining(['catalog', 'coupon', 'gateway', 'order', 'payment']));
    expectRightParents(spans);
    const [, ofOrder] = spans.filter(({ kind }) => kind === 'server');
    expect(ofOrder?.attributes).toMatchObject({
      'http.response.status_code': 402,
      'error.type': 'INSUFFICIENT_BALANCE',
    });
  });

  it('when many orders go together, then each has its trace, and a batch is one span that links them', async () => {
    const productId = await api.newProduct(10, 1_000);
    const users = await Promise.all(Array.from({ length: 30 }, () => api.newUser(1_000)));
    const answers = await Promise.all(users.map((userId) => api.placeOrder(userId, [[productId, 1]], { wait: 20 })));
    const ids = answers.map((answer) => traceIdOf(expectStatus(answer, 201)));
    expect(new Set(ids).size).toBe(ids.length);
    const all = await Promise.all(ids.map((id) => traceWith(id, ['ranking: order-completed'])));
    for (const spans of all) expectRightParents(spans);
    const spans = all.flat();
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const batches = spans.filter(({ name, links }) => name.startsWith('batch ') && links.length > 0);
    expect(batches.length).toBeGreaterThan(0);
    // Linked to what is in other orders' traces; requests for points and products may be among them.
    const known = batches.flatMap(({ links, traceId, service }) =>
      links.flatMap((link) => {
        const member = byId.get(link.spanId);
        return member ? [{ ...link, service, ownTrace: traceId, member }] : [];
      }),
    );
    // Two messages of one order may be in a batch too.
    expect(known.filter(({ traceId, ownTrace }) => traceId !== ownTrace).length).toBeGreaterThan(0);
    for (const { traceId, service, member } of known) expect(member).toMatchObject({ traceId, service });
  });
});

/** Spans that a service has lost, as it counts them. */
async function lostBy(service: 'order' | 'gateway'): Promise<number> {
  return await readMetric(system.process(service).url, 'tracing_spans_dropped_total');
}

describe('a collector that is away', () => {
  it('when it hangs or is gone, then orders go on and services stop in time; when it is back, so are the traces', async () => {
    const answered = async () => (await placed(10_000, 201)).body.status;
    collector.hang();
    expect(await answered()).toBe('COMPLETED');
    expect(await system.process('ranking').stop()).toBe(true);
    await collector.goAway();
    await system.start('ranking');
    expect(await answered()).toBe('COMPLETED');
    await eventually('lost spans', async () => (await lostBy('order')) > 0, { withinMs: 40_000 });
    const told = system.process('order').output(2_000).split('spans are lost').length - 1;
    expect(told).toBe(1);

    await collector.comeBack();
    const spans = await traceWith(traceIdOf(await placed(10_000, 201)), COMPLETED);
    expectRightParents(spans);
  });
});
