import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  childTrace,
  formatTraceparent,
  parseTraceparent,
  type Span,
  sendSpansTo,
  type TraceContext,
} from '@shop/chassis';
import { type Codec, createCodecOn, type Message, readMessage } from './codec/index.ts';
import { applyMessages, type Subscription } from './consumer/index.ts';
import { causedBy, type EventType, type ReceivedEvent } from './contracts/index.ts';
import { OutageError } from './errors.ts';
import { deliver } from './relay/deliver.ts';
import { createMemoryRegistry } from './testing/memory-registry.ts';
import { createMemoryStore, type MemoryTx } from './testing/memory-store.ts';
import { orderCreated, orderId, recordOf } from './testing/samples.ts';

let codec: Codec;
let spans: Span[];
let handled: ReceivedEvent[];
let failure: Error | undefined;

beforeEach(async () => {
  codec = createCodecOn(createMemoryRegistry());
  await codec.ready();
  [spans, handled, failure] = [[], [], undefined];
  sendSpansTo({ believesClients: false, samples: () => true, add: (span) => void spans.push(span) });
});
afterEach(() => sendSpansTo(undefined));

const trace = (n: number, sampled: boolean): TraceContext => ({
  ...childTrace(undefined),
  traceId: String(n).padStart(32, 'a'),
  sampled,
});

async function message(n: number, of: TraceContext): Promise<Message> {
  const record = recordOf(codec, orderCreated(orderId(n)), n);
  return readMessage({ ...record, headers: { ...record.headers, traceparent: formatTraceparent(of) } }, codec);
}

function apply(messages: readonly Message[]) {
  const subscription: Subscription<MemoryTx, EventType> = {
    group: 'catalog',
    handles: ['order-created'],
    async handle(_, events) {
      handled.push(...events);
      if (failure) throw failure;
    },
  };
  return applyMessages({ store: createMemoryStore(), subscription, now: () => new Date() }, messages);
}

const of = (kind: Span['kind']) => spans.filter((span) => span.kind === kind);
const row = (n: number, of: TraceContext) => ({
  ...{ id: `id-${n}`, topic: 'stock-events', key: orderId(n), type: 'stock-reserved', payload: null, seq: n },
  headers: { traceparent: formatTraceparent(of) },
});

describe('a batch of messages', () => {
  it('when traces are recorded, then each message has a span in its own, and the transaction one that links them', async () => {
    const [first, second, other] = [trace(1, true), trace(2, true), trace(3, false)];
    await apply(await Promise.all([message(1, first), message(2, second), message(3, other)]));
    expect(of('consumer')).toMatchObject([
      { name: 'process order-events', parent: first, attributes: { 'shop.order.id': orderId(1) } },
      { name: 'process order-events', parent: second, attributes: { 'messaging.consumer.group.name': 'catalog' } },
    ]);
    const [batch] = of('internal');
    const own = of('consumer').map((span) => span.trace);
    expect(batch).toMatchObject({
      parent: own[0],
      links: [own[1]],
      attributes: { 'messaging.batch.message_count': 3 },
    });
    expect(of('consumer').map(({ links }) => links)).toEqual([[], [batch?.trace]]);
    expect(new Set(spans.map((span) => span.trace.spanId)).size).toBe(3);

    // What follows from a message is a child of its span; an unrecorded trace is passed on as it came.
    const causes = handled.map((event) => parseTraceparent(causedBy(event).traceparent));
    expect(causes).toEqual([...own, other]);
  });

  it('when the handler fails, then the spans say why, and the next attempt has new ones', async () => {
    failure = new Error('no such product');
    const messages = [await message(1, trace(1, true))];
    await expect(apply(messages)).rejects.toThrow('no such product');
    failure = undefined;
    await apply(messages);
    expect(spans.map(({ kind, error }) => [kind, error])).toEqual([
      ['internal', 'Error'],
      ['consumer', 'Error'],
      ['internal', undefined],
      ['consumer', undefined],
    ]);
    expect(new Set(spans.map((span) => span.trace.spanId)).size).toBe(4);
  });

  it('when nothing is traced, then handlers get the messages as they came', async () => {
    sendSpansTo(undefined);
    const [message1] = [await message(1, trace(1, true))];
    await apply([message1]);
    expect(handled[0]).toBe(message1.event);
  });
});

describe('rows on their way to the broker', () => {
  it('when a row is sent, then the record names the span of its sending, a child of what the row names', async () => {
    const sent: (string | undefined)[] = [];
    const send = async (records: readonly { headers: Readonly<Record<string, string>> }[]) =>
      void sent.push(...records.map(({ headers }) => headers.traceparent));
    const [parent, other] = [trace(1, true), trace(2, false)];
    await deliver({ send }, [row(1, parent), row(2, other)]);
    expect(spans).toMatchObject([{ kind: 'producer', name: 'send stock-events', parent }]);
    expect(sent).toEqual([formatTraceparent(spans[0]?.trace ?? other), formatTraceparent(other)]);

    // Sent again, as after a crash before the row was deleted.
    await deliver({ send }, [row(1, parent)]);
    expect(spans[1]).toMatchObject({ parent });
    expect(sent[2]).not.toBe(sent[0]);
  });

  it('when a key is not an order’s, then the span does not have it: it may be a user’s', async () => {
    const send = () => Promise.resolve();
    await deliver({ send }, [row(1, trace(1, true)), { ...row(2, trace(2, true)), key: '4711' }]);
    const keys = spans.map(({ attributes }) => attributes?.['messaging.kafka.message.key']);
    expect(keys).toEqual([orderId(1), undefined]);
  });

  it('when the broker is away, then the span says so', async () => {
    const send = () => Promise.reject(new OutageError('the broker is away'));
    await expect(deliver({ send }, [row(1, trace(1, true))])).rejects.toThrow('away');
    expect(spans).toMatchObject([{ kind: 'producer', error: 'OutageError' }]);
  });
});
