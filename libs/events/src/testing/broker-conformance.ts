import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Broker, BrokerConsumer, ConsumeOptions, RecordBatch } from '../broker.ts';
import { singleCopy } from '../topic-plan.ts';

/** Everything the suite needs from an adapter's test. */
export interface BrokerHarness {
  /** A client of the same log, as another process would have. */
  connect(): Broker;
  /** Drives the log until `condition` holds; fails after a while, naming `what`. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Awaits a promise while driving the log. */
  settle<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
  /** False for a log without groups that start at the end. */
  readonly startsAtEnd?: boolean;
  /** False for a log that may deliver the batch of a stop again (at least once), which it does often on purpose. */
  readonly commitsOnStop?: boolean;
}

const PLAN = singleCopy(6);

/** The conformance suite of the broker port. */
// One function: it is a list of tests.
export function describeBroker(name: string, open: () => Promise<BrokerHarness>): void {
  describe(`broker: ${name}`, () => {
    let harness: BrokerHarness;
    let topic: string;
    let brokers: Broker[];

    beforeEach(async () => {
      harness = await open();
      brokers = [];
      topic = `conformance-${randomUUID()}`;
      await harness.settle(connect().ensureTopics([topic], PLAN));
    });
    afterEach(async () => {
      for (const broker of brokers) await harness.settle(broker.close());
      await harness.close();
    });

    function connect(): Broker {
      const broker = harness.connect();
      brokers.push(broker);
      return broker;
    }

    const send = (keys: readonly string[], broker = connect()) =>
      harness.settle(
        broker.send(
          keys.map((key, n) => ({ topic, key, value: Buffer.from(`${key}#${n}`), headers: { n: String(n) } })),
        ),
      );

    async function consume(options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'onBatch'>, broker = connect()) {
      const consumer = await harness.settle(
        broker.consume({ groupId: `group-${topic}`, topics: [topic], fromBeginning: true, ...options }),
      );
      await harness.settle(consumer.ready());
      return consumer;
    }

    /** A consumer that notes the records it got. */
    function collector() {
      const seen: string[] = [];
      const onBatch = async (batch: RecordBatch) => {
        for (const record of batch.records) seen.push(`${record.key}#${record.headers.n}`);
      };
      return { seen, onBatch, sorted: () => [...new Set(seen)].sort() };
    }
    const keys = (count: number) => Array.from({ length: count }, (_, n) => `key-${n % 5}`);
    const expected = (count: number) =>
      keys(count)
        .map((key, n) => `${key}#${n}`)
        .sort();

    it('when a group first joins, then it gets everything sent before, with key, value and headers', async () => {
      await send(keys(20));
      const { seen, onBatch, sorted } = collector();
      await consume({ onBatch });
      await harness.until('20 records', () => seen.length >= 20);
      expect(sorted()).toEqual(expected(20));
    });

    it('when records are sent together, then all have the same time, whatever their partitions', async () => {
      const times = new Set<number>();
      let count = 0;
      await consume({
        onBatch: async (batch) => {
          for (const { timestamp } of batch.records) times.add(timestamp);
          count += batch.records.length;
        },
      });
      await send(keys(3_000));
      await harness.until('3,000 records', () => count >= 3_000);
      expect(times.size).toBe(1);
    });

    it("when one send exceeds the broker's batch, then all of it is delivered", async () => {
      const value = Buffer.alloc(700_000, 'x');
      await harness.settle(
        connect().send([1, 2, 3].map((n) => ({ topic, key: 'k', value, headers: { n: String(n) } }))),
      );
      const { seen, onBatch } = collector();
      await consume({ onBatch });
      await harness.until('3 records', () => seen.length >= 3);
      expect(seen.slice(0, 3)).toEqual(['k#1', 'k#2', 'k#3']);
    });

    it('when records share a key, then their order is kept', async () => {
      const { seen, onBatch } = collector();
      await consume({ onBatch });
      const producer = connect();
      for (let round = 0; round < 5; round += 1) await send(keys(20), producer);
      await harness.until('100 records', () => seen.length >= 100);
      for (const key of new Set(keys(5))) {
        const order = seen.filter((entry) => entry.startsWith(`${key}#`)).map((entry) => Number(entry.split('#')[1]));
        const runs = order.filter((n, index) => index > 0 && n <= (order[index - 1] ?? -1)).length;
        expect(runs).toBeLessThanOrEqual(4); // five ordered runs, one a round
      }
    });

    it('when a batch is rejected, then it is delivered again, and not the records before it', async () => {
      const { seen, onBatch } = collector();
      let failures = 2;
      await consume({
        onBatch: async (batch) => {
          if (failures > 0) {
            failures -= 1;
            throw new Error('not now');
          }
          await onBatch(batch);
        },
      });
      await send(['a']);
      await harness.until('the record', () => seen.length >= 1);
      await send(['b']);
      await harness.until('the next record', () => seen.includes('b#0'));
      expect(seen.filter((entry) => entry === 'b#0')).toHaveLength(1);
    });

    it('when several groups consume a topic, then each gets everything', async () => {
      const one = collector();
      const two = collector();
      await consume({ onBatch: one.onBatch, groupId: `one-${topic}` });
      await consume({ onBatch: two.onBatch, groupId: `two-${topic}` });
      await send(keys(20));
      await harness.until('both groups', () => one.sorted().length === 20 && two.sorted().length === 20);
    });

    it('when a group restarts, then it continues where it stopped', async () => {
      const first = collector();
      const consumer = await consume({ onBatch: first.onBatch });
      await send(keys(20));
      await harness.until('20 records', () => first.sorted().length === 20);
      await harness.settle(consumer.stop());
      await send(['late']);
      const second = collector();
      await consume({ onBatch: second.onBatch });
      await harness.until('the late record', () => second.seen.includes('late#0'));
      if (harness.commitsOnStop !== false) expect(second.seen).toEqual(['late#0']);
    });

    it('when a consumer stops, then it waits for the current batch and gives back the unhandled ones', async () => {
      const gate = Promise.withResolvers<void>();
      const begun: RecordBatch[] = [];
      const consumer = await consume({
        onBatch: async (batch) => {
          begun.push(batch);
          await gate.promise;
        },
      });
      await send(['a']);
      await harness.until('the batch at work', () => begun.length === 1);
      let stopped = false;
      const stopping = consumer.stop().then(() => {
        stopped = true;
      });
      expect(begun[0]?.isStale()).toBe(true);
      expect(stopped).toBe(false);
      gate.resolve();
      await harness.settle(stopping);
      await send(['b']);
      const { seen, onBatch } = collector();
      await consume({ onBatch });
      await harness.until('the later record', () => seen.includes('b#0'));
      if (harness.commitsOnStop !== false) expect(seen).not.toContain('a#0');
    });

    it('when two consumers share the partitions and these change hands, then nothing is lost', async () => {
      const one = collector();
      const two = collector();
      const producer = connect();
      const all = () => new Set([...one.seen, ...two.seen]);
      const first = await consume({ onBatch: one.onBatch });
      await send(keys(50), producer);
      const joining: Promise<BrokerConsumer> = consume({ onBatch: two.onBatch });
      for (let round = 0; round < 5; round += 1) await send(keys(50), producer);
      await joining;
      await send(
        Array.from({ length: 60 }, (_, n) => `spread-${n}`),
        producer,
      );
      await harness.until('both to have some', () => one.seen.length > 0 && two.seen.length > 0);
      await harness.settle(first.stop());
      await send(['after'], producer);
      await harness.until(
        'everything',
        () => all().has('after#0') && [...all()].filter((e) => e.startsWith('spread')).length === 60,
      );
      expect([...all()].filter((entry) => entry.startsWith('key-'))).toHaveLength(50);
    });

    it('when a group of waiters starts, then it starts at the end and misses nothing once it is ready', async () => {
      if (harness.startsAtEnd === false) return;
      await send(['before']);
      const { seen, onBatch } = collector();
      await consume({ onBatch, fromBeginning: false, groupId: `waiters-${topic}` });
      await send(['after']);
      await harness.until('the record after', () => seen.length > 0);
      expect(seen).toEqual(['after#0']);
    });
  });
}
