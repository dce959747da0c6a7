import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { OutgoingRecord } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { OutageError, RefusedError } from '../errors.ts';
import { noMetrics } from '../metrics.ts';
import { createMemoryStore } from '../testing/memory-store.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { deliver } from './deliver.ts';
import { createHolds } from './holds.ts';
import { type Relay, startRelay } from './relay.ts';

/** A broker that takes each partition of a request by itself, as Kafka does: here each topic. */
function createRefusingBroker() {
  const refusedTopics = new Map<string, string>();
  const refusedKeys = new Map<string, string>();
  const sent: OutgoingRecord[] = [];
  const sends: string[][] = [];
  return {
    ...{ refusedTopics, refusedKeys, sent, sends },
    /** What was written, duplicates aside. */
    names: () => [...new Set(sent.map(({ topic, key, headers }) => `${topic} ${key} ${headers.n}`))],
    async send(records: readonly OutgoingRecord[]) {
      sends.push([...new Set(records.map(({ topic }) => topic))]);
      let refusal: RefusedError | undefined;
      for (const [topic, ofTopic] of Map.groupBy(records, (record) => record.topic)) {
        const reason = refusedTopics.get(topic);
        const record = ofTopic.find(({ key }) => refusedKeys.has(key ?? ''));
        if (reason) refusal ??= new RefusedError(reason, 'topic');
        else if (record) refusal ??= new RefusedError(refusedKeys.get(record.key ?? '') ?? '', 'record');
        else sent.push(...ofTopic);
      }
      if (refusal) throw refusal;
    },
  };
}

const row = (topic: string, key: string, n: number) => ({
  ...{ id: `id-${n}`, topic, key, type: 'order-created', payload: null },
  headers: { n: String(n) },
});
const numbered = (...rows: ReturnType<typeof row>[]) => rows.map((each, index) => ({ ...each, seq: index + 1 }));

describe('a delivery', () => {
  it('when the broker takes all, then it is one request', async () => {
    const broker = createRefusingBroker();
    const { taken, refusals } = await deliver(broker, numbered(row('a', 'k', 1), row('b', 'k', 2)));
    expect([taken.length, refusals, broker.sends]).toEqual([2, [], [['a', 'b']]]);
  });

  it('when a topic of several is gone, then the others are taken, and it is named', async () => {
    const broker = createRefusingBroker();
    broker.refusedTopics.set('b', 'UNKNOWN_TOPIC_OR_PARTITION');
    const rows = numbered(row('a', 'k', 1), row('b', 'k', 2), row('c', 'k', 3), row('b', 'm', 4));
    const { taken, refusals } = await deliver(broker, rows);
    expect(taken.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(refusals).toEqual([{ topic: 'b', reason: 'UNKNOWN_TOPIC_OR_PARTITION', row: rows[1] }]);
  });

  it('when one record is too large, then only its key waits, with what stands behind it', async () => {
    const broker = createRefusingBroker();
    broker.refusedKeys.set('large', 'MESSAGE_TOO_LARGE');
    const rows = numbered(row('a', 'k', 1), row('a', 'large', 2), row('a', 'm', 3), row('a', 'large', 4));
    const { taken, refusals } = await deliver(broker, rows);
    expect(taken.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(refusals).toEqual([{ topic: 'a', key: 'large', reason: 'MESSAGE_TOO_LARGE', row: rows[1] }]);
    expect(broker.names().filter((name) => name.includes('large'))).toEqual([]);
  });

  it('when very many records of a topic are refused, then the topic counts as refused, and others are sent', async () => {
    const broker = createRefusingBroker();
    const keys = Array.from({ length: 300 }, (_, index) => `large ${index}`);
    for (const key of keys) broker.refusedKeys.set(key, 'MESSAGE_TOO_LARGE');
    const rows = numbered(...keys.map((key, seq) => row('a', key, seq)), row('b', 'k', 300));
    const { taken, refusals } = await deliver(broker, rows);
    expect(taken.map(({ topic }) => topic)).toEqual(['b']);
    expect(refusals.at(-1)).toMatchObject({ topic: 'a', reason: 'MESSAGE_TOO_LARGE' });
    expect(refusals.at(-1)).not.toHaveProperty('key');
    expect(refusals).toHaveLength(51);
  });

  it('when the broker is away, then the delivery fails as a whole', async () => {
    const send = () => Promise.reject(new OutageError('away'));
    await expect(deliver({ send }, numbered(row('a', 'k', 1)))).rejects.toThrow('away');
  });
});

describe('a relay whose broker refuses something', () => {
  const relays: Relay[] = [];
  afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.stop())));

  function start(clock: Clock = createVirtualClock()) {
    const store = createMemoryStore();
    const broker = createRefusingBroker();
    const said: string[] = [];
    const refused: (readonly { readonly topic: string; readonly reason: string }[])[] = [];
    const say = (details: object, message: string) => void said.push(`${message} ${JSON.stringify(details)}`);
    const relay = startRelay({
      ...{ store, broker, batch: 3, quietMs: 0 },
      clock,
      monotonic: clock.now,
      lock: { hold: async () => true, release: async () => {} },
      logger: { debug: () => {}, info: say, warn: say, error: say },
      metrics: { ...noMetrics, refused: (topics) => void refused.push(topics) },
    });
    relays.push(relay);
    const append = (...rows: ReturnType<typeof row>[]) =>
      store.transaction(async (tx) => {
        const added = await store.appendOutbox(tx, rows);
        tx.onCommit(() => relay.wake(added));
      });
    const until = async (isTrue: () => boolean) => {
      for (let turns = 0; !isTrue(); turns += 1) {
        if (turns > 20_000) throw new Error(`not reached: ${isTrue}; ${JSON.stringify({ waiting: waiting(), said })}`);
        await nextTurn();
      }
    };
    const waiting = () => store.state.outbox.map(({ topic, key }) => `${topic} ${key}`);
    return { store, broker, relay, append, until, waiting, said, refused };
  }

  it('when a topic is gone, then only its rows wait, it is named once, and its return sends them in order', async () => {
    const { broker, relay, append, until, waiting, said, refused } = start();
    broker.refusedTopics.set('b', 'UNKNOWN_TOPIC_OR_PARTITION');
    const many = Array.from({ length: 8 }, (_, index) => [row('b', 'k', index), row('a', 'k', index)]).flat();
    for (const each of many) await append(each);
    await until(() => broker.names().length === 8 && waiting().length === 8);
    expect(waiting()).toEqual(Array.from({ length: 8 }, () => 'b k'));
    expect(relay.drained).toBe(false);
    await append(row('b', 'k', 8), row('a', 'k', 8));
    await until(() => broker.names().length === 9);
    const tries = () => broker.sends.filter((topics) => topics.join() === 'b').length;
    const before = tries();
    await until(() => tries() > before + 3);
    expect(refused.at(-1)).toEqual([{ topic: 'b', reason: 'UNKNOWN_TOPIC_OR_PARTITION' }]);
    expect(said.filter((line) => line.includes('refuses'))).toEqual([expect.stringContaining('"topic":"b"')]);

    broker.refusedTopics.clear();
    await until(() => waiting().length === 0);
    expect(broker.names().filter((name) => name.startsWith('b'))).toEqual(many.slice(0, 9).map((_, n) => `b k ${n}`));
    expect(refused.at(-1)).toEqual([]);
    expect(said.at(-1)).toContain('takes again');
  });

  it('when a topic is taken again and has a new event, then the event waits for those before it, though it comes from memory', async () => {
    // Time hardly passes: the next try of what is held is far away.
    let time = 0;
    const clock: Clock = {
      now: () => time,
      async sleep(_, signal) {
        if (signal?.aborted) return;
        time += 1;
        await nextTurn();
      },
    };
    const { store, broker, append, until } = start(clock);
    const reads = jest.spyOn(store, 'readOutbox');
    const sendOthers = async (isDone: () => boolean) => {
      for (let n = 100; !isDone(); n += 1) {
        await append(row('a', 'k', n));
        await until(() => broker.names().includes(`a k ${n}`));
      }
    };
    broker.refusedTopics.set('b', 'UNKNOWN_TOPIC_OR_PARTITION');
    await append(row('b', 'k', 0));
    await until(() => broker.sends.length > 0);
    // From now on rows come from memory.
    let before = 0;
    await sendOthers(() => {
      const fromMemory = broker.sent.length > 0 && reads.mock.calls.length === before;
      before = reads.mock.calls.length;
      return fromMemory;
    });
    broker.refusedTopics.clear();
    await append(row('b', 'k', 1));
    await sendOthers(() => broker.names().filter((name) => name.startsWith('b')).length === 2);
    expect(broker.names().filter((name) => name.startsWith('b'))).toEqual(['b k 0', 'b k 1']);
  });

  it('when a record is too large, then its key waits alone until an operator has taken its row away', async () => {
    const { store, broker, append, until, waiting, refused } = start();
    broker.refusedKeys.set('large', 'MESSAGE_TOO_LARGE');
    await append(row('a', 'k', 1), row('a', 'large', 2), row('a', 'm', 3));
    await append(row('a', 'large', 4), row('a', 'k', 5));
    await until(() => broker.names().length === 3 && waiting().length === 2);
    expect(waiting()).toEqual(['a large', 'a large']);
    const [first] = store.state.outbox;
    if (!first) throw new Error('no row');
    broker.refusedKeys.clear();
    await store.deleteOutbox([first]);
    await until(() => waiting().length === 0 && refused.at(-1)?.length === 0);
    expect(broker.names().filter((name) => name.includes('large'))).toEqual(['a large 4']);
  });
});

describe('what is held back', () => {
  const refusal = (key: string | undefined, seq: number) => {
    const [first] = numbered(row('a', key ?? 'k', seq));
    if (!first) throw new Error('no row');
    return { topic: 'a', ...(key !== undefined && { key }), reason: 'MESSAGE_TOO_LARGE', row: first };
  };

  it('when more keys of a topic are refused than may wait by themselves, then the whole topic waits and stays so', () => {
    const holds = createHolds(() => 0.5);
    holds.add(
      Array.from({ length: 205 }, (_, index) => refusal(`k${index}`, index)),
      0,
    );
    expect(holds.parts.map(({ topic, key }) => [topic, key])).toEqual([['a', undefined]]);
    expect(holds.has({ topic: 'a', key: 'k3' })).toBe(true);
    expect(holds.add([refusal('k500', 500)], 0)).toEqual([]);
    expect(holds.has({ topic: 'a', key: 'any' })).toBe(true);
  });

  it('when the clock is set back by an hour, then what is held is tried again all the same', () => {
    const holds = createHolds(() => 0.5);
    holds.add([refusal(undefined, 1)], 3_600_000);
    expect(holds.due(0)).toMatchObject({ topic: 'a' });
  });
});

describe("a relay whose clock is set, as at the first comparison with the database's", () => {
  it('when its time jumps ahead by more than a transaction lives, then an earlier row of another process still goes first', async () => {
    let table = numbered(row('a', 'other', 6)).map((each) => ({ ...each, seq: 6 }));
    const sent: string[] = [];
    let reads = 0;
    let ahead = 0;
    const sleep: Clock['sleep'] = (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0) resolve();
        signal?.addEventListener('abort', () => resolve());
      });
    const relay = startRelay({
      store: {
        async readOutbox() {
          reads += 1;
          return [...table];
        },
        async deleteOutbox(gone) {
          table = table.filter(({ seq }) => !gone.some((each) => each.seq === seq));
        },
      },
      broker: { send: async (records) => void sent.push(...records.map(({ headers }) => headers.n ?? '')) },
      clock: { now: () => ahead, sleep },
      monotonic: () => 0,
      lock: { hold: async () => true, release: async () => {} },
      ...{ keepMs: 0, paceMs: 0 },
    });
    const until = async (isTrue: () => boolean) => {
      for (let turns = 0; !isTrue(); turns += 1) {
        if (turns > 1_000) throw new Error(`not reached: ${isTrue}; sent: ${sent}`);
        await nextTurn();
      }
    };
    await until(() => table.length === 0);
    ahead = 120_000;
    const before = reads;
    relay.wake();
    await until(() => reads > before);
    // Number 5 was taken by a transaction of another process, which commits only now.
    const [first, second] = [row('a', 'k', 5), row('a', 'k', 7)].map((each, index) => ({
      ...each,
      seq: 5 + 2 * index,
    }));
    if (!first || !second) throw new Error('no rows');
    table = [first, second];
    relay.wake([second]);
    await until(() => sent.length === 3);
    await relay.stop();
    expect(sent).toEqual(['6', '5', '7']);
  });
});
