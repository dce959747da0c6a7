import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingRecord } from '../broker.ts';
import { type Codec, createCodecOn } from '../codec/index.ts';
import type { ReceivedEvent } from '../contracts/index.ts';
import { HandlerBrokenError, OutageError, StaleBatchError } from '../errors.ts';
import { noMetrics } from '../metrics.ts';
import { createHandFedBroker, type HandFedBroker } from '../testing/hand-fed-broker.ts';
import { createMemoryRegistry } from '../testing/memory-registry.ts';
import { createMemoryStore, type MemoryStore, type MemoryTx } from '../testing/memory-store.ts';
import { orderCancelled, orderCreated, orderId, recordOf } from '../testing/samples.ts';
import { createVirtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { type ConsumerOptions, startConsumer } from './consumer.ts';

let codec: Codec;
let broker: HandFedBroker;
let store: MemoryStore;
let clock: VirtualClock;
let batches: string[][];
let poison: Set<string>;
let outages: number;

beforeEach(async () => {
  codec = createCodecOn(createMemoryRegistry());
  await codec.ready();
  broker = createHandFedBroker();
  store = createMemoryStore();
  clock = createVirtualClock(1_000_000);
  batches = [];
  poison = new Set();
  outages = 0;
});

const n = (event: ReceivedEvent) => `${event.type} ${Number(event.key.slice(-12))}`;

async function start(options: Partial<ConsumerOptions<MemoryTx>> = {}) {
  return await startConsumer<MemoryTx, 'order-created' | 'order-cancelled'>({
    broker,
    store,
    codec,
    clock,
    subscription: {
      group: 'catalog',
      handles: ['order-created', 'order-cancelled'],
      async handle(tx, events) {
        batches.push(events.map(n));
        if (outages-- > 0) throw new OutageError('gone');
        for (const event of events) {
          if (poison.has(event.key)) throw new Error(`cannot handle ${event.key}`);
          tx.write(n(event));
        }
      },
    },
    ...(options as object),
  });
}

const created = (id: number, offset: number, partition = 0) =>
  recordOf(codec, orderCreated(orderId(id)), offset, partition);
const cancelled = (id: number, offset: number, partition = 0) =>
  recordOf(codec, orderCancelled(orderId(id)), offset, partition);
const orders = (from: number, to: number, partition = 0) =>
  Array.from({ length: to - from + 1 }, (_, i) => created(from + i, from + i, partition));
const letters = () =>
  store.state.letters.map(({ status, record }) => `${status} ${record.topic}/${record.partition}@${record.offset}`);

describe('batches and transactions', () => {
  it('when batches of all partitions arrive together, then they are applied in one transaction', async () => {
    await start();
    await Promise.all([broker.feed(orders(1, 3, 0)), broker.feed(orders(4, 5, 1)), broker.feed(orders(6, 6, 2))]);
    expect(batches).toHaveLength(1);
    expect(store.state.rows).toHaveLength(6);
    expect(store.transactions).toBe(1);
  });

  it('when several batches arrive during a transaction, then the next transaction takes all of them', async () => {
    await start();
    const first = broker.feed(orders(1, 1, 0));
    await Promise.resolve();
    await Promise.resolve();
    const rest = [broker.feed(orders(2, 2, 1)), broker.feed(orders(3, 3, 2))];
    await Promise.all([first, ...rest]);
    expect(batches).toEqual([['order-created 1'], ['order-created 2', 'order-created 3']]);
  });

  it('when a batch is larger than the limit, then it takes several transactions', async () => {
    await start({ maxBatch: 10 });
    await broker.feed(orders(1, 25));
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
  });

  it('when a patient group had a large batch, then it waits for more, unless the transaction was full', async () => {
    const handles = ['order-created' as const];
    const subscription = { group: 'ranking', handles, patienceMs: 500, maxBatch: 200, handle: async () => {} };
    await start({ subscription });
    await broker.feed(orders(1, 200));
    expect(clock.slept).toEqual([]);
    await broker.feed(orders(201, 201));
    expect(clock.slept).toEqual([expect.any(Number)]);
    // The mean size is ((1 + 200) / 2 + 1) / 2 at that point, and each message adds 3 ms.
    expect(clock.slept[0]).toBeGreaterThan(120);
    await broker.feed(orders(300, 499));
    expect(clock.slept).toHaveLength(1);
  });

  it('when a batch is applied, then it is held back while more gathers; before that, nothing is held back', async () => {
    const handles = ['order-created' as const];
    const applied: number[] = [];
    const handle = async (_: MemoryTx, events: readonly unknown[]) => void applied.push(events.length);
    const sleeps = Promise.withResolvers<void>();
    const wakes = Promise.withResolvers<void>();
    const sleep = () => {
      sleeps.resolve();
      return wakes.promise;
    };
    const held = { now: () => 0, sleep };
    await start({ subscription: { group: 'ranking', handles, patienceMs: 500, handle }, clock: held });
    let givenBack = false;
    const fed = broker.feed(orders(1, 50)).then(() => {
      givenBack = true;
    });
    await sleeps.promise;
    expect([applied, givenBack]).toEqual([[50], false]);
    wakes.resolve();
    await fed;
    expect(givenBack).toBe(true);
  });

  it('when a subscription sets the size of a batch, then no transaction is larger', async () => {
    const sizes: number[] = [];
    const handle = async (_: MemoryTx, events: readonly unknown[]) => void sizes.push(events.length);
    await start({ subscription: { group: 'ranking', handles: ['order-created'], maxBatch: 10, handle } });
    await broker.feed(orders(1, 25));
    expect(sizes).toEqual([10, 10, 5]);
  });

  it('when a batch comes twice, or holds a message twice, then each message is applied once', async () => {
    await start();
    await broker.feed([...orders(1, 2), created(1, 3)]);
    await broker.feed(orders(1, 2));
    expect(store.state.rows).toEqual(['order-created 1', 'order-created 2']);
  });

  it('when a message has a type of others, then it is skipped without decoding', async () => {
    await start();
    const foreign: IncomingRecord = {
      ...created(1, 1),
      value: Buffer.from('?'),
      headers: { ce_type: 'from-the-future' },
    };
    await broker.feed([foreign]);
    expect(store.transactions).toBe(0);
    expect(letters()).toEqual([]);
  });

  it('when the partition is lost, then its batch is neither applied nor resolved', async () => {
    await start();
    await expect(broker.feed(orders(1, 2), { isStale: () => true })).rejects.toThrow('no longer');
    expect(store.state.rows).toEqual([]);
  });
});

describe('the consumer in an outage', () => {
  it('when the database is away, then the consumer waits with growing pauses and dead-letters nothing', async () => {
    outages = 7;
    const consumer = await start({ random: () => 0 });
    const fed = broker.feed(orders(1, 3));
    await fed;
    expect(store.state.rows).toHaveLength(3);
    expect(clock.slept).toEqual([50, 100, 200, 400, 800, 1600, 2000]);
    expect(letters()).toEqual([]);
    expect(consumer.status().waitingFor).toBeUndefined();
  });

  it('when an outage ends with the loss of the partition, then the batch is given back', async () => {
    outages = Number.POSITIVE_INFINITY;
    await start();
    let stale = false;
    const fed = broker.feed(orders(1, 3), { isStale: () => stale });
    clock.sleep = async () => {
      stale = true;
    };
    await expect(fed).rejects.toThrow();
    expect(store.state.rows).toEqual([]);
  });

  it('when the registry is away, then the consumer waits for it too', async () => {
    let away = 3;
    const decode: Codec['decode'] = (message) =>
      away-- > 0 ? Promise.reject(new OutageError('registry')) : codec.decode(message);
    await start({ codec: { decode } });
    await broker.feed(orders(1, 2));
    expect(store.state.rows).toHaveLength(2);
    expect(letters()).toEqual([]);
  });
});

describe('poison messages', () => {
  it('when a batch holds poison, then it is found by halving, retried, dead-lettered and mirrored; the rest is applied', async () => {
    poison.add(orderId(5));
    await start();
    await Promise.all([broker.feed(orders(1, 8, 0)), broker.feed(orders(9, 10, 1))]);
    expect([...store.state.rows].sort()).toEqual([1, 10, 2, 3, 4, 6, 7, 8, 9].map((id) => `order-created ${id}`));
    expect(letters()).toEqual(['DEAD order-events/0@5']);
    const [letter] = store.state.letters;
    expect(letter).toMatchObject({ reason: 'HANDLER_ERROR', attempts: 3, eventType: 'order-created' });
    expect(letter?.error).toContain('cannot handle');
    expect(letter?.record.value).toEqual(created(5, 5).value);
    expect(batches.filter((batch) => batch.join() === 'order-created 5')).toHaveLength(3);
    expect(store.state.outbox.map((row) => [row.topic, row.key, row.headers.dlq_group])).toEqual([
      ['order-events.dlq', orderId(5), 'catalog'],
    ]);
  });

  it('when a key has a dead letter, then its later messages are parked in order, in the same batch and after it', async () => {
    poison.add(orderId(2));
    await start();
    await broker.feed([created(1, 1), created(2, 2), cancelled(2, 3), cancelled(1, 4)]);
    poison.clear();
    await broker.feed([recordOf(codec, orderCancelled(orderId(2)), 5), created(3, 6)]);
    expect(letters()).toEqual(['DEAD order-events/0@2', 'PARKED order-events/0@3', 'PARKED order-events/0@5']);
    expect(store.state.rows).toEqual(['order-created 1', 'order-cancelled 1', 'order-created 3']);
  });

  it('when a copy of an applied event comes behind a dead letter of its key, then it is dropped, in the same batch and after it', async () => {
    await start();
    await broker.feed(orders(1, 2));
    poison.add(orderId(1));
    await broker.feed([cancelled(1, 3), created(1, 4), created(3, 5)]);
    await broker.feed([created(1, 6), created(4, 7)]);
    expect(letters()).toEqual(['DEAD order-events/0@3']);
    expect(store.state.rows).toEqual([1, 2, 3, 4].map((id) => `order-created ${id}`));
  });

  it('when another member applies an event that fails here, then it becomes no dead letter, and its key goes on', async () => {
    let failures = 0;
    await start({
      subscription: {
        group: 'catalog',
        handles: ['order-created', 'order-cancelled'],
        async handle(tx: MemoryTx, events: readonly ReceivedEvent[]) {
          for (const event of events) {
            if (event.type === 'order-created' && event.key === orderId(2)) {
              failures += 1;
              // Three times with others, then three times alone.
              if (failures === 6) store.state.claimed.add(`catalog ${event.id}`);
              throw new Error('this process is an old version');
            }
            tx.write(n(event));
          }
        },
      },
    });
    await broker.feed([...orders(1, 3), cancelled(2, 4)]);
    expect(failures).toBe(6);
    expect(letters()).toEqual([]);
    expect(store.state.parked).toEqual(new Set());
    expect(store.state.rows).toEqual(['order-created 1', 'order-created 3', 'order-cancelled 2']);
  });

  it('when poison is delivered again after its dead letter was written, then nothing changes', async () => {
    poison.add(orderId(2));
    await start();
    await broker.feed(orders(1, 3));
    await broker.feed(orders(1, 3));
    expect(letters()).toEqual(['DEAD order-events/0@2']);
    expect(store.state.outbox).toHaveLength(1);
  });

  it('when a message cannot be read, then it is dead-lettered at once with its reason, and the handler is not blamed', async () => {
    await start();
    const rubbish = [1, 2, 3, 4, 5, 6].map(
      (offset): IncomingRecord => ({ ...created(offset, offset), value: Buffer.from('rubbish') }),
    );
    await broker.feed([...rubbish, created(7, 7), { ...created(8, 8), key: null, headers: {} }]);
    expect(store.state.rows).toEqual(['order-created 7']);
    expect(store.state.letters).toHaveLength(7);
    expect(store.state.letters[0]).toMatchObject({ reason: 'UNDECODABLE', attempts: 1 });
    expect(store.state.letters[0]?.error).toContain('first byte 114');
    expect(store.state.letters[6]?.error).toContain('ce_type');
    expect(store.transactions).toBe(1);
  });
});

describe('a group that does not park', () => {
  const withoutParking = { group: 'catalog', handles: ['order-created', 'order-cancelled'], parks: false } as const;
  const free = () =>
    start({
      subscription: {
        ...withoutParking,
        async handle(tx, events) {
          for (const event of events) {
            if (poison.has(n(event))) throw new Error(`cannot handle ${n(event)}`);
            tx.write(n(event));
          }
        },
      },
    });

  it('when a group does not park, then poison is set aside and its key goes on, in the same batch and after it', async () => {
    poison.add('order-created 2');
    await free();
    await broker.feed([created(1, 1), created(2, 2), cancelled(2, 3), cancelled(1, 4)]);
    await broker.feed([recordOf(codec, orderCancelled(orderId(3)), 5)]);
    expect(letters()).toEqual(['DEAD order-events/0@2']);
    expect(store.state.rows).toEqual([
      'order-created 1',
      'order-cancelled 2',
      'order-cancelled 1',
      'order-cancelled 3',
    ]);
    expect(store.state.parked.size).toBe(0);
    expect(store.state.outbox.map((row) => row.topic)).toEqual(['order-events.dlq']);
  });

  it('when a group does not park, then an unreadable message is set aside too and its key goes on', async () => {
    await free();
    await broker.feed([{ ...created(2, 1), value: Buffer.from('rubbish') }, cancelled(2, 2)]);
    await broker.feed([created(2, 3)]);
    expect(letters()).toEqual(['DEAD order-events/0@1']);
    expect(store.state.rows).toEqual(['order-cancelled 2', 'order-created 2']);
  });

  it('when a halted partition comes again, then what is dead-lettered already is neither mirrored nor counted again', async () => {
    let dead = 0;
    const handled = (_: string, outcome: string, count: number) => {
      if (outcome === 'dead_lettered') dead += count;
    };
    for (let id = 2; id <= 7; id += 1) poison.add(`order-created ${id}`);
    const handle = async (tx: MemoryTx, events: readonly ReceivedEvent[]) => {
      for (const event of events) {
        if (poison.has(n(event))) throw new Error('broken');
        tx.write(n(event));
      }
    };
    await start({ subscription: { ...withoutParking, handle }, metrics: { ...noMetrics, handled } });
    const batch = [{ ...created(1, 1), value: Buffer.from('rubbish') }, ...orders(2, 7)];
    await expect(broker.feed(batch)).rejects.toThrow(HandlerBrokenError);
    await expect(broker.feed(batch)).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toEqual(['DEAD order-events/0@1']);
    expect(store.state.outbox).toHaveLength(1);
    store.permit = { left: 6 };
    await broker.feed(batch);
    // As when its offset was not committed: the permit is used up, and all have their letters.
    await broker.feed(batch);
    expect([store.state.letters.length, store.state.outbox.length, dead, store.permit.left]).toEqual([7, 7, 7, 0]);
  });

  it('when what a permit has set aside comes again, however many and with a new one, then only the new one counts', async () => {
    for (let id = 1; id <= 31; id += 1) poison.add(`order-created ${id}`);
    const consumer = await free();
    store.permit = { left: 30 };
    await broker.feed(orders(1, 30));
    await broker.feed(orders(1, 30));
    await broker.feed(orders(1, 31));
    expect([letters().length, store.permit.left, consumer.status().halted]).toEqual([31, 0, {}]);
    for (let id = 32; id <= 60; id += 1) poison.add(`order-created ${id}`);
    await expect(broker.feed(orders(1, 60))).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toHaveLength(31);
  });

  it('when a group does not park and a dead letter is delivered again, then nothing changes', async () => {
    poison.add('order-created 2');
    await free();
    await broker.feed([created(2, 1), cancelled(2, 2)]);
    await broker.feed([created(2, 1), cancelled(2, 2)]);
    expect(letters()).toEqual(['DEAD order-events/0@1']);
    expect(store.state.rows).toEqual(['order-cancelled 2']);
  });
});

describe('unreadable records', () => {
  it('when the dead letter of an unreadable record cannot be written, then its partition halts instead of retrying for ever', async () => {
    const consumer = await start();
    store.beforeCommit = () => {
      throw new Error('data too long');
    };
    const rubbish = { ...created(1, 1), value: Buffer.from('rubbish') };
    await expect(broker.feed([rubbish, created(2, 2)])).rejects.toThrow(HandlerBrokenError);
    expect(Object.keys(consumer.status().halted)).toEqual(['order-events/0']);
  });

  it('when headers of few characters have too many bytes for their column, then the mirror leaves them out', async () => {
    await start();
    const rubbish = { ...created(1, 1), value: Buffer.from('rubbish') };
    await broker.feed([{ ...rubbish, headers: { ...rubbish.headers, binary: '\ufffd'.repeat(25_000) } }]);
    const [mirror] = store.state.outbox;
    expect(Buffer.byteLength(JSON.stringify(mirror?.headers))).toBeLessThan(65_535);
    expect(mirror?.headers.dlq_reason).toBe('UNDECODABLE');
  });
});

describe('a schema that the registry does not know', () => {
  const unknown = (id: number, partition = 0): IncomingRecord => {
    const value = Buffer.from(created(id, id).value ?? []);
    value.writeInt32BE(9_999, 1);
    return { ...created(id, id, partition), value };
  };
  const unknowns = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => unknown(from + i));

  it('when one message has an unknown schema, then it is dead-lettered at once and the rest is applied', async () => {
    await start();
    await broker.feed([unknown(1), created(2, 2)]);
    expect(letters()).toEqual(['DEAD order-events/0@1']);
    expect(store.state.letters[0]?.error).toContain('unknown to the registry');
    expect(store.state.rows).toEqual(['order-created 2']);
  });

  it('when an event that was applied comes again and cannot be read, then it is a duplicate and its key is not parked', async () => {
    const counted: string[] = [];
    const handled = (_: string, outcome: string, count: number) =>
      void (count > 0 && counted.push(`${count} ${outcome}`));
    await start({ metrics: { ...noMetrics, handled } });
    await broker.feed(orders(1, 2));
    counted.length = 0;
    await broker.feed([unknown(1), cancelled(1, 3)]);
    expect(letters()).toEqual([]);
    expect(store.state.parked).toEqual(new Set());
    expect(store.state.rows).toEqual(['order-created 1', 'order-created 2', 'order-cancelled 1']);
    expect(counted).toEqual(['1 applied', '1 duplicate']);
  });

  it('when a copy that cannot be read follows its event in the same batch, then it is a duplicate too', async () => {
    await start();
    await broker.feed([created(1, 1), { ...unknown(1), offset: '2' }, cancelled(1, 3)]);
    expect(letters()).toEqual([]);
    expect(store.state.rows).toEqual(['order-created 1', 'order-cancelled 1']);
  });

  it('when more than twenty messages at once have unknown schemas, then only their partition halts and none is dead-lettered', async () => {
    const consumer = await start();
    const halted = broker.feed(unknowns(1, 21));
    const other = broker.feed([created(30, 30, 1)]);
    await expect(halted).rejects.toThrow(HandlerBrokenError);
    await other;
    expect(letters()).toEqual([]);
    expect(Object.keys(consumer.status().halted)).toEqual(['order-events/0']);
    expect(store.state.rows).toEqual(['order-created 30']);
    // The registry has its schemas again.
    await broker.feed(orders(1, 21));
    expect(consumer.status().halted).toEqual({});
  });

  it('when an operator permits it, then messages of unknown schemas are set aside and the partition goes on', async () => {
    const consumer = await start();
    await expect(broker.feed(unknowns(1, 40))).rejects.toThrow(HandlerBrokenError);
    store.permit = { left: 100 };
    await broker.feed([...unknowns(1, 40), created(41, 41)]);
    expect([letters().length, store.permit.left, consumer.status().halted]).toEqual([40, 60, {}]);
    expect(store.state.rows).toEqual(['order-created 41']);
  });

  it('when what a permit has set aside comes again, as after a crash before its offset, then the partition goes on', async () => {
    const consumer = await start();
    store.permit = { left: 40 };
    await broker.feed(unknowns(1, 40));
    await broker.feed([...unknowns(1, 40), created(41, 41)]);
    expect([letters().length, store.permit.left, consumer.status().halted]).toEqual([40, 0, {}]);
    expect(store.state.rows).toEqual(['order-created 41']);
    // They count no more than the first time.
    await broker.feed([unknown(42)]);
    expect(letters()).toHaveLength(41);
  });

  it('when many of unknown schemas were applied before, then the partition goes on', async () => {
    await start();
    await broker.feed(orders(1, 30));
    await broker.feed([...unknowns(1, 30), created(31, 31)]);
    expect([letters(), store.state.rows.length]).toEqual([[], 31]);
  });

  it('when a permit is for fewer than are new, then the partition stays halted', async () => {
    await start();
    store.permit = { left: 40 };
    await broker.feed(unknowns(1, 40));
    store.permit = { left: 9 };
    await expect(broker.feed(unknowns(1, 50))).rejects.toThrow('the permit of an operator has 9 left');
    store.permit = { left: 10 };
    await broker.feed(unknowns(1, 50));
    expect([letters().length, store.permit.left]).toEqual([50, 0]);
  });

  it('when more than five in a row have unknown schemas, however slowly they come, then the partition halts', async () => {
    await start();
    for (let id = 1; id <= 5; id += 1) {
      await broker.feed([unknown(id)]);
      await clock.sleep(60_000);
    }
    await expect(broker.feed([unknown(6)])).rejects.toThrow(HandlerBrokenError);
    await clock.sleep(600_000);
    await expect(broker.feed([unknown(6)])).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toHaveLength(5);
    // A message that is read well shows that the registry is right.
    await broker.feed([created(30, 30, 1)]);
    await broker.feed([unknown(6)]);
    expect(letters()).toHaveLength(6);
  });

  it('when a few in each of many partitions have unknown schemas, then all these partitions halt together', async () => {
    const consumer = await start();
    const fed = [0, 1, 2].map((partition) =>
      broker.feed([unknown(3 * partition + 1, partition), unknown(3 * partition + 2, partition)]),
    );
    expect((await Promise.allSettled(fed)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect([letters(), Object.keys(consumer.status().halted)]).toEqual([
      [],
      ['order-events/0', 'order-events/1', 'order-events/2'],
    ]);
    // They come again one by one.
    await expect(broker.feed([unknown(1, 0), unknown(2, 0)])).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toEqual([]);
  });

  it('when unknown schemas come between good messages, then more than twenty a minute halt their partition', async () => {
    await start();
    for (let id = 1; id <= 20; id += 1) await broker.feed([unknown(id), created(id + 100, id + 100)]);
    await expect(broker.feed([unknown(21), created(121, 121)])).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toHaveLength(20);
    await clock.sleep(60_000);
    await broker.feed([unknown(21), created(121, 121)]);
    expect(letters()).toHaveLength(21);
  });
});

describe('a registry that was made anew with other ids', () => {
  it('when the ids of orders are another event now, then none is dead-lettered, and all are applied once it is right', async () => {
    const registry = createMemoryRegistry();
    const before = createCodecOn(registry);
    await before.ready();
    const records = Array.from({ length: 30 }, (_, n) => recordOf(before, orderCreated(orderId(n + 1)), n + 1));
    const anew = createMemoryRegistry();
    for (const schema of [...registry.schemas].reverse()) await anew.register('any', schema);
    let right = false;
    const schemas = { register: anew.register, fetch: (id: number) => (right ? registry : anew).fetch(id) };
    const restarted = createCodecOn(schemas, { clock });
    await restarted.ready();
    const consumer = await start({ codec: restarted });
    await expect(broker.feed(records)).rejects.toThrow('order-created, but schema');
    expect([letters(), Object.keys(consumer.status().halted)]).toEqual([[], ['order-events/0']]);
    right = true;
    await clock.sleep(1_000);
    await broker.feed(records);
    expect([store.state.rows.length, letters(), consumer.status().halted]).toEqual([30, [], {}]);
  });
});

describe('a broken handler', () => {
  it('when every message of a batch fails, then the partition halts without dead letters, and goes on once the handler works', async () => {
    for (let id = 1; id <= 6; id += 1) poison.add(orderId(id));
    const consumer = await start();
    await expect(broker.feed(orders(1, 6))).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toEqual([]);
    expect(Object.keys(consumer.status().halted)).toEqual(['order-events/0']);
    await broker.feed(orders(7, 8, 1));
    expect(store.state.rows).toEqual(['order-created 7', 'order-created 8']);
    poison.clear();
    await broker.feed(orders(1, 6));
    expect(store.state.rows).toHaveLength(8);
    expect(consumer.status().halted).toEqual({});
  });

  it('when all new messages of a batch fail but the others were applied before a crash, then the handler is not suspected', async () => {
    await start();
    await broker.feed(orders(1, 6));
    for (let id = 7; id <= 11; id += 1) poison.add(orderId(id));
    await broker.feed(orders(1, 11));
    expect(letters()).toHaveLength(5);
  });

  it('when more than twenty messages a minute are dead-lettered, then the handler counts as broken', async () => {
    await start();
    for (let id = 1; id <= 20; id += 1) {
      poison.add(orderId(id));
      await broker.feed([created(id, id), created(id + 100, id + 100)]);
    }
    poison.add(orderId(21));
    await expect(broker.feed([created(21, 21), created(121, 121)])).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toHaveLength(20);
    await clock.sleep(60_000);
    await broker.feed([created(21, 21), created(121, 121)]);
    expect(letters()).toHaveLength(21);
  });

  it('when some messages succeed, then the handler is not suspected', async () => {
    for (let id = 1; id <= 19; id += 1) poison.add(orderId(id));
    await start();
    await broker.feed(orders(1, 30));
    expect(letters()).toHaveLength(19);
    expect(store.state.rows).toHaveLength(11);
  });
});

describe('more refused messages than a partition may set aside', () => {
  const refuse = (from: number, to: number) => {
    for (let id = from; id <= to; id += 1) poison.add(orderId(id));
  };
  const dead = () => store.state.letters.filter(({ status }) => status === 'DEAD').length;

  it('when a third of a large share is refused, then the partition halts, and a permit lets it set them aside and go on', async () => {
    for (let id = 3; id <= 900; id += 3) poison.add(orderId(id));
    const consumer = await start();
    await expect(broker.feed(orders(1, 900))).rejects.toThrow('300 messages failed, 600 did not');
    expect(letters()).toEqual([]);
    expect(store.state.rows).toHaveLength(600);
    store.permit = { left: 500 };
    await broker.feed(orders(1, 900));
    expect([dead(), consumer.status().halted, store.permit.left]).toEqual([300, {}, 200]);
    await broker.feed(orders(901, 1_900));
    expect(store.state.rows).toHaveLength(1_600);
  });

  it('when every message of a share is refused, then a permit covers them all, each tried first', async () => {
    refuse(1, 100);
    await start();
    store.permit = { left: 100 };
    await broker.feed(orders(1, 100));
    expect(dead()).toBe(100);
  });

  it('when a permit allows fewer than are refused, then the partition stays halted and nothing is set aside', async () => {
    refuse(1, 30);
    await start();
    store.permit = { left: 29 };
    await expect(broker.feed(orders(1, 60))).rejects.toThrow('the permit of an operator has 29 left');
    expect([letters(), store.permit.left]).toEqual([[], 29]);
  });

  it('when a permit is used up by another instance meanwhile, then the partition stays halted', async () => {
    refuse(1, 30);
    await start();
    store.permit = { left: 100 };
    store.beforeUse = () => {
      store.permit = { left: 10 };
    };
    await expect(broker.feed(orders(1, 60))).rejects.toThrow(HandlerBrokenError);
    expect(letters()).toEqual([]);
  });

  it('when few messages are refused, then no permit is used for them', async () => {
    refuse(1, 3);
    await start();
    store.permit = { left: 100 };
    await broker.feed(orders(1, 60));
    expect([dead(), store.permit.left]).toEqual([3, 100]);
  });

  it('when many messages of a share are refused, then each is tried three times only while few are', async () => {
    refuse(1, 100);
    await start();
    store.permit = { left: 100 };
    await broker.feed(orders(1, 200));
    const tries = (id: number) => batches.filter((batch) => batch.join() === `order-created ${id}`).length;
    expect([tries(1), tries(20), tries(90)]).toEqual([3, 3, 1]);
  });
});

describe('the loss of a halted partition', () => {
  it('when a rebalance takes a halted partition away, then this consumer no longer reports it', async () => {
    for (let id = 1; id <= 6; id += 1) poison.add(orderId(id));
    const consumer = await start();
    await expect(broker.feed(orders(1, 6))).rejects.toThrow(HandlerBrokenError);
    broker.assign(['order-events/0', 'order-events/1']);
    expect(Object.keys(consumer.status().halted)).toEqual(['order-events/0']);
    broker.assign(['order-events/1']);
    expect(consumer.status().halted).toEqual({});
  });

  it('when a partition is lost while its handler is found to be broken, then this consumer does not report it', async () => {
    for (let id = 1; id <= 6; id += 1) poison.add(orderId(id));
    const consumer = await start();
    // Lost during the last attempt at the last message.
    const isStale = () => batches.filter((batch) => batch.join() === 'order-created 6').length === 3;
    await expect(broker.feed(orders(1, 6), { isStale })).rejects.toThrow(StaleBatchError);
    expect(consumer.status().halted).toEqual({});
    // Lost during the last look of all: which of them were set aside before.
    let isLost = false;
    const { lettered } = store;
    store.lettered = (...asked) => {
      isLost = true;
      return lettered(...asked);
    };
    await expect(broker.feed(orders(1, 6), { isStale: () => isLost })).rejects.toThrow(HandlerBrokenError);
    expect(consumer.status().halted).toEqual({});
  });
});

describe('the delay of a group', () => {
  let delay: () => number;
  const measured = {
    ...noMetrics,
    delay(_: string, seconds: () => number) {
      delay = seconds;
    },
  };
  const late = (records: IncomingRecord[]) => records.map((record) => ({ ...record, timestamp: clock.now() - 5_000 }));

  it('when a partition is halted, then the delay goes on growing until its messages are applied', async () => {
    for (let id = 1; id <= 6; id += 1) poison.add(orderId(id));
    await start({ metrics: measured });
    expect(delay()).toBe(0);
    const records = late(orders(1, 6));
    await expect(broker.feed(records)).rejects.toThrow(HandlerBrokenError);
    const first = delay();
    expect(first).toBeGreaterThanOrEqual(5);
    await clock.sleep(60_000);
    expect(delay()).toBeCloseTo(first + 60);
    poison.clear();
    await broker.feed(records);
    expect(delay()).toBe(0);
  });

  it('when a dependency is away, then the messages that wait for it count', async () => {
    outages = 3;
    const seen: number[] = [];
    const sleep: VirtualClock['sleep'] = (ms, signal) => {
      seen.push(delay());
      return clock.sleep(ms, signal);
    };
    await start({ metrics: measured, clock: { now: clock.now, sleep } });
    await broker.feed(late(orders(1, 2)));
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen.every((seconds, n) => seconds >= (seen[n - 1] ?? 5))).toBe(true);
    expect(delay()).toBe(0);
  });
});

describe('a failpoint', () => {
  it('when a failpoint names one order, then only the handling of that order fails', async () => {
    const failpoint = (_group: string, event: ReceivedEvent) => {
      if (event.key === orderId(2)) throw new Error('failpoint');
    };
    await start({ failpoint });
    await broker.feed(orders(1, 3));
    expect(letters()).toEqual(['DEAD order-events/0@2']);
    expect(store.state.rows).toEqual(['order-created 1', 'order-created 3']);
  });
});

describe('the stop of a consumer', () => {
  it('when the consumer stops, then the transaction being applied finishes and the rest is given back', async () => {
    const consumer = await start({ maxBatch: 2 });
    const fed = broker.feed(orders(1, 4));
    fed.catch(() => {});
    store.beforeCommit = () => void consumer.stop();
    await expect(fed).rejects.toThrow('no longer');
    expect(store.state.rows).toHaveLength(2);
  });
});
