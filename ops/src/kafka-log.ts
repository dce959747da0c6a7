import { createKafkaAdmin, type IncomingRecord, type KafkaAdmin } from '@shop/events';
import { access } from './access.ts';
import { type LogReader, type LogRecord, partitionName } from './audit/log.ts';

/** Connects to Kafka at once; rejects, in words, when no broker answers or none lets the tools in. */
export function connectKafka(brokers: readonly string[]): Promise<KafkaAdmin> {
  return createKafkaAdmin({ brokers, security: access().kafka, clientId: 'ops' });
}

/** Opens the topics for reading. Connects at once; rejects when no broker answers. */
export async function openLog(brokers: readonly string[]): Promise<LogReader> {
  const admin = await connectKafka(brokers);
  return {
    async held(topics, since) {
      const existing = new Set(await admin.topics());
      const ranges = await admin.ranges(
        topics.filter((topic) => existing.has(topic)),
        since,
      );
      return ranges.map(({ topic, partition, low, from, to }) => ({
        topic,
        partition,
        from: Number(from),
        to: Number(to),
        truncated: low > 0n && from === low,
      }));
    },
    keptMs: (topic) => admin.retentionMs(topic),
    read: (ranges, each) =>
      admin.read(
        ranges.map(({ topic, partition, from, to }) => ({ topic, partition, from: BigInt(from), to: BigInt(to) })),
        (record) => each(withoutValue(record)),
      ),
    async committed(group, topics) {
      const existing = new Set(await admin.topics());
      const offsets = await admin.committed(
        group,
        topics.filter((topic) => existing.has(topic)),
      );
      return new Map(
        offsets.flatMap((it) => (it.offset === undefined ? [] : [[partitionName(it), Number(it.offset)]])),
      );
    },
    close: () => admin.close(),
  };
}

function withoutValue({ topic, partition, offset, key, headers, timestamp }: IncomingRecord): LogRecord {
  return {
    topic,
    partition,
    offset: Number(offset),
    key,
    id: headers.ce_id,
    type: headers.ce_type,
    headers,
    timestamp,
  };
}
