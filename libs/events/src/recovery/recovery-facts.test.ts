import { expect, it } from '@jest/globals';
import type { IncomingRecord } from '../broker.ts';
import { withSequence } from '../codec/index.ts';
import type { KafkaAdmin, RecordRange } from '../kafka/index.ts';
import { readSlices } from './recovery-facts.ts';

const TOPIC = 'payment-events';
const PARTITIONS = [0, 1, 2];
const FROM = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** A log to which a record is sent every ms from `since` on, partition after partition. */
function logOf(count: number, since: number) {
  const records = Array.from(
    { length: count },
    (_, i): IncomingRecord => ({
      ...{ topic: TOPIC, partition: i % 3, offset: String(Math.floor(i / 3)), timestamp: since + i },
      ...{ key: 'k', value: null, headers: {} },
    }),
  );
  const log: Pick<KafkaAdmin, 'ranges' | 'read'> = {
    async ranges(_, time) {
      if (time && Number.isNaN(time.getTime())) throw new RangeError('no time at all');
      return PARTITIONS.map((partition) => {
        const own = records.filter((record) => record.partition === partition);
        const first = own.findIndex((record) => time === undefined || record.timestamp >= time.getTime());
        const from = BigInt(first < 0 ? own.length : first);
        return { topic: TOPIC, partition, low: 0n, from, to: BigInt(own.length) };
      });
    },
    async read(ranges: readonly RecordRange[], each) {
      for (const { partition, from, to } of ranges) {
        const own = records.filter((record) => record.partition === partition);
        for (const record of own.slice(Number(from), Number(to))) each(record);
      }
    },
  };
  return { log, times: records.map((record) => record.timestamp) };
}

it.each([
  ['right', HOUR_MS],
  ['an hour slow', 1],
  ['a day fast', 25 * HOUR_MS],
])(
  'when the clock here is %s, then no slice is larger than it may be, and all come in their order',
  async (_, ahead) => {
    // Records of the last hour only: by a slow clock they all lie in the future.
    const { log, times } = logOf(3_000, FROM + HOUR_MS - 3_000);
    const slices: number[][] = [];
    for await (const slice of readSlices(log, await log.ranges([TOPIC]), FROM, FROM + ahead, 400))
      slices.push(slice.map((record) => record.timestamp));
    expect(slices.flat()).toEqual(times);
    expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThanOrEqual(400);
  },
);

it('when a record says that it was sent at the end of time, then it is read too', async () => {
  const { log, times } = logOf(2, Number.MAX_SAFE_INTEGER - 1);
  const read: number[] = [];
  for await (const slice of readSlices(log, await log.ranges([TOPIC]), FROM, FROM + HOUR_MS, 400))
    read.push(...slice.map((record) => record.timestamp));
  expect(read).toEqual(times);
});

it('when records were sent in the same millisecond, then they come in the order of their rows in the outbox', async () => {
  const sequences = [7, 3, 12, 1, 9, 4];
  const at = FROM + HOUR_MS;
  const records = sequences.map(
    (seq, i): IncomingRecord => ({
      ...{ topic: TOPIC, partition: i % 3, offset: String(Math.floor(i / 3)), timestamp: at, key: 'k', value: null },
      headers: withSequence({}, seq),
    }),
  );
  const ranges = PARTITIONS.map((partition) => ({ topic: TOPIC, partition, low: 0n, from: 0n, to: 2n }));
  const log: Pick<KafkaAdmin, 'ranges' | 'read'> = {
    ranges: async (_, time) => ranges.map((range) => (time && time.getTime() > at ? { ...range, from: 2n } : range)),
    async read(wanted, each) {
      for (const { partition, from, to } of wanted)
        for (const record of records.filter((it) => it.partition === partition).slice(Number(from), Number(to)))
          each(record);
    },
  };
  const read: number[] = [];
  for await (const slice of readSlices(log, ranges, FROM, at + 1, 400))
    read.push(...slice.map(({ headers }) => Number(headers.ce_sequence)));
  expect(read).toEqual(sequences.toSorted((a, b) => a - b));
});
