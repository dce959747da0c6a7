import { beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_INTEGER } from '@shop/chassis';
import avsc from 'avsc';
import { InvalidEventError, OutageError, SchemaMismatchError, UndecodableError } from '../errors.ts';
import { createMemoryRegistry } from '../testing/memory-registry.ts';
import { orderCancelled, orderCreated, orderId } from '../testing/samples.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { type Codec, createCodecOn } from './codec.ts';

let registry: ReturnType<typeof createMemoryRegistry>;
let codec: Codec;
const { data } = orderCreated(orderId(1));

beforeEach(async () => {
  registry = createMemoryRegistry();
  codec = createCodecOn(registry);
  await codec.ready();
});

/** Encodes `value` as another version of the publisher would, with a changed schema. */
async function writtenBy(change: (schema: { fields: object[] }) => void, value: object): Promise<Buffer> {
  const current = registry.schemas.find((schema) => schema.includes('"OrderCreated"')) ?? '';
  const schema = JSON.parse(current) as { fields: object[] };
  change(schema);
  const id = await registry.register('shop.order.v1.OrderCreated', JSON.stringify(schema));
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, avsc.Type.forSchema(schema as avsc.Schema).toBuffer(value)]);
}

describe('encoding', () => {
  it('when an event is encoded and decoded, then its data is the same, in the Confluent wire format', async () => {
    const message = codec.encode('order-created', data);
    expect(message.readUInt8(0)).toBe(0);
    expect(message.readUInt32BE(1)).toBeGreaterThan(0);
    expect(await codec.decode(message)).toEqual({ type: 'order-created', data });
  });

  it('when data does not fit the schema, then the error names the fields', () => {
    const wrong = { ...data, userId: 'one', lines: [{ productId: 1 }] } as unknown as typeof data;
    expect(() => codec.encode('order-created', wrong)).toThrow(InvalidEventError);
    const more = { ...data, note: 'please' };
    expect(() => codec.encode('order-created', more)).toThrow(/note/);
    const inside = { ...data, lines: data.lines.map((line) => ({ ...line, colour: 'red' })) };
    expect(() => codec.encode('order-created', inside)).toThrow(/lines\.0\.colour/);
    expect(() => codec.encode('order-created', wrong)).toThrow('userId, lines.0.quantity');
  });

  it('when a value is larger than the buffer, then it is written; when the broker would refuse it, then it is refused', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, n) => ({ productId: n + 1e12, quantity: 1 }));
    const large = { ...data, lines: lines(20_000) };
    expect(await codec.decode(codec.encode('order-created', large))).toEqual({ type: 'order-created', data: large });
    expect(() => codec.encode('order-created', { ...data, lines: lines(200_000) })).toThrow(RangeError);
  });
});

describe('decoding', () => {
  it('when an older publisher wrote the message, then a field it did not know has its default', async () => {
    const { couponId: _, ...older } = data;
    const message = await writtenBy((schema) => {
      schema.fields = schema.fields.filter((field) => !('name' in field && field.name === 'couponId'));
    }, older);
    expect(await codec.decode(message)).toEqual({ type: 'order-created', data: { ...data, couponId: null } });
  });

  for (const items of [1e8, 2 ** 50, -1e8]) {
    it(`when an array claims ${items} items, then the message is undecodable and no memory is taken for them`, async () => {
      const long = avsc.Type.forSchema('long');
      // The bytes after the wire header, in the schema's order: orderId, userId, no coupon; then the lines.
      const front = [
        avsc.Type.forSchema('string').toBuffer(data.orderId),
        long.toBuffer(data.userId),
        long.toBuffer(0),
      ];
      const rubbish = Buffer.concat([...front, long.toBuffer(items), long.toBuffer(-20)]);
      const current = Buffer.concat([codec.encode('order-created', data).subarray(0, 5), rubbish]);
      await expect(codec.decode(current)).rejects.toThrow('an array claims');

      // A newer publisher's array: once skipped by the reader, once resolved.
      const newer = await writtenBy(
        ({ fields }) => fields.unshift({ name: 'tags', type: { type: 'array', items: 'string' }, default: [] }),
        { ...data, tags: [] },
      );
      const skipped = Buffer.concat([
        newer.subarray(0, 5),
        long.toBuffer(items),
        long.toBuffer(-20),
        newer.subarray(6),
      ]);
      await expect(codec.decode(skipped)).rejects.toThrow('an array claims');
      const resolved = Buffer.concat([newer.subarray(0, 6), rubbish]);
      await expect(codec.decode(resolved)).rejects.toThrow('an array claims');
    });
  }

  it('when a newer publisher wrote the message, then a field that is unknown here is left out', async () => {
    const message = await writtenBy(
      (schema) => {
        schema.fields.push({ name: 'channel', type: 'string', default: 'web' });
      },
      { ...data, channel: 'app' },
    );
    expect(await codec.decode(message)).toEqual({ type: 'order-created', data });
  });

  it.each([
    ['rubbish', Buffer.from('rubbish'), 'first byte'],
    ['too few bytes', Buffer.from([0, 0]), 'too few'],
    ['an unknown schema', Buffer.from([0, 0, 0, 9, 9, 1]), 'unknown to the registry'],
  ])('when a message is %s, then it is refused for good', async (_, message, reason) => {
    await expect(codec.decode(message)).rejects.toThrow(UndecodableError);
    await expect(codec.decode(message)).rejects.toThrow(reason);
  });

  it('when a message is cut or overlong, then it is refused for good', async () => {
    const message = codec.encode('order-created', data);
    await expect(codec.decode(message.subarray(0, -1))).rejects.toThrow(UndecodableError);
    await expect(codec.decode(Buffer.concat([message, Buffer.from([1])]))).rejects.toThrow(UndecodableError);
  });

  it('when many messages have one schema, then the registry is asked once', async () => {
    let asked = 0;
    const counting = {
      ...registry,
      fetch(id: number) {
        asked += 1;
        return registry.fetch(id);
      },
    };
    const other = createCodecOn(counting);
    await other.ready();
    const newer = await writtenBy(({ fields }) => fields.push({ name: 'x', type: 'string', default: '' }), {
      ...data,
      x: '',
    });
    for (let i = 0; i < 5; i += 1) await other.decode(newer, 'order-created');
    expect(asked).toBe(1);
    await other.decode(codec.encode('order-created', data), 'order-created');
    // A schema of this build is known from its registration.
    expect(asked).toBe(1);
  });

  it('when the registry is away, then decoding reports an outage, not a bad message', async () => {
    const away = createCodecOn({ ...registry, fetch: () => Promise.reject(new OutageError('away')) });
    const message = Buffer.from(codec.encode('order-created', data));
    message.writeUInt32BE(9_999, 1);
    await expect(away.decode(message)).rejects.toThrow(OutageError);
  });
});

describe('a registry that was made anew with other ids', () => {
  /** A store whose registry can be replaced by one that gave the same schemas other ids. */
  async function replaceable() {
    let current = registry;
    const anew = createMemoryRegistry();
    for (const schema of [...registry.schemas].reverse()) await anew.register('any', schema);
    let asked = 0;
    return {
      store: {
        register: (subject: string, schema: string) => current.register(subject, schema),
        fetch(id: number) {
          asked += 1;
          return current.fetch(id);
        },
      },
      use: (which: 'old' | 'new') => {
        current = which === 'old' ? registry : anew;
      },
      asked: () => asked,
    };
  }
  const cancelled = orderCancelled(orderId(1)).data;

  it('when a process knows the old ids, then it reads old and new messages, though their ids collide', async () => {
    const { store, use } = await replaceable();
    const old = createCodecOn(store);
    await old.ready();
    const before = old.encode('order-created', data);
    use('new');
    const restarted = createCodecOn(store);
    await restarted.ready();
    for (const type of ['order-created', 'order-cancelled'] as const) {
      const value = type === 'order-created' ? data : cancelled;
      expect(await old.decode(restarted.encode(type, value as typeof data), type)).toEqual({ type, data: value });
    }
    expect(await old.decode(before, 'order-created')).toEqual({ type: 'order-created', data });
    expect((await old.lostIds()).lost).toEqual(['order-created']);
    expect((await restarted.lostIds()).lost).toEqual([]);
  });

  it('when an id is another event now, then the message is refused until the registry is right, without a restart', async () => {
    const { store, use } = await replaceable();
    const before = codec.encode('order-created', data);
    use('new');
    const clock = createVirtualClock();
    const restarted = createCodecOn(store, { clock });
    await restarted.ready();
    await expect(restarted.decode(before, 'order-created')).rejects.toThrow(SchemaMismatchError);
    use('old');
    await clock.sleep(1_000);
    expect(await restarted.decode(before, 'order-created')).toEqual({ type: 'order-created', data });
  });

  it('when many messages do not fit, then the registry is asked again, but not for each', async () => {
    const { store, use, asked } = await replaceable();
    const before = codec.encode('order-created', data);
    use('new');
    const clock = createVirtualClock();
    const restarted = createCodecOn(store, { clock });
    await restarted.ready();
    for (let n = 0; n < 100; n += 1)
      await expect(restarted.decode(before, 'order-created')).rejects.toThrow(SchemaMismatchError);
    expect(asked()).toBe(1);
    await clock.sleep(1_000);
    await expect(restarted.decode(before, 'order-created')).rejects.toThrow(SchemaMismatchError);
    expect(asked()).toBe(2);
  });

  it.each([-3_600_000, 3_600_000])(
    'when the clock is set by %i ms after an answer, then the registry is asked again',
    async (ms) => {
      const { store, use } = await replaceable();
      const before = codec.encode('order-created', data);
      use('new');
      const clock = createVirtualClock(10_000_000);
      const restarted = createCodecOn(store, { clock });
      await restarted.ready();
      await expect(restarted.decode(before, 'order-created')).rejects.toThrow(SchemaMismatchError);
      use('old');
      await clock.sleep(ms);
      expect(await restarted.decode(before, 'order-created')).toEqual({ type: 'order-created', data });
    },
  );

  it('when the registry did not answer, then the next message asks it again at once', async () => {
    let away = true;
    const store = {
      ...registry,
      fetch: (id: number) => (away ? Promise.reject(new OutageError('away')) : registry.fetch(id)),
    };
    const other = createCodecOn(store);
    await other.ready();
    const message = Buffer.from(codec.encode('order-created', data));
    message.writeUInt32BE(9_999, 1);
    await expect(other.decode(message, 'order-created')).rejects.toThrow(OutageError);
    away = false;
    await expect(other.decode(message, 'order-created')).rejects.toThrow('unknown to the registry');
  });
});

describe('registration of the schemas', () => {
  it('when the registry is away, then registration is repeated, and nothing can be encoded before it succeeds', async () => {
    let failures = 3;
    const clock = createVirtualClock();
    const store = {
      ...registry,
      register: (subject: string, schema: string) =>
        failures-- > 0 ? Promise.reject(new OutageError('away')) : registry.register(subject, schema),
    };
    const late = createCodecOn(store, { clock });
    expect(() => late.encode('order-created', data)).toThrow(OutageError);
    await late.ready();
    expect(clock.slept).toHaveLength(3);
    expect(late.encode('order-created', data)).toBeInstanceOf(Buffer);
  });

  it('when the registry refuses a schema, then registration fails for good', async () => {
    const refusing = createCodecOn({ ...registry, register: () => Promise.reject(new Error('incompatible')) });
    await expect(refusing.ready()).rejects.toThrow('incompatible');
  });
});

it('when a request holds the largest whole number allowed, then it fits an event, and the next number does not', () => {
  expect(() => codec.encode('order-created', { ...data, userId: MAX_INTEGER })).not.toThrow();
  expect(() => codec.encode('order-created', { ...data, userId: MAX_INTEGER + 1 })).toThrow(InvalidEventError);
});
