import type { KafkaMessage, TopicMessages } from 'kafkajs';
import type { IncomingRecord, OutgoingRecord } from '../broker.ts';
import type { DecodedRecord } from './record-codec.ts';

/** A message as KafkaJS delivers it, as the port's record. */
export function toRecord(topic: string, partition: number, message: KafkaMessage): IncomingRecord {
  // The cast is safe: `decodeRecord` replaces KafkaJS's decoder.
  return new ReceivedRecord(topic, partition, message as unknown as DecodedRecord);
}

/** Converts key, headers and time at the first access: most records are skipped by one header. */
class ReceivedRecord implements IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly value: Buffer | null;
  readonly #decoded: DecodedRecord;

  constructor(topic: string, partition: number, decoded: DecodedRecord) {
    this.topic = topic;
    this.partition = partition;
    this.offset = decoded.offset;
    this.value = decoded.value;
    this.#decoded = decoded;
  }

  get key(): string | null {
    return this.#decoded.key ? this.#decoded.key.toString('utf8') : null;
  }

  get headers(): Record<string, string> {
    return this.#decoded.headers;
  }

  get timestamp(): number {
    return Number(this.#decoded.timestamp);
  }

  header(name: string): string | undefined {
    return this.#decoded.header(name);
  }
}

/**
 * Groups the port's records by topic for one KafkaJS request; the order within a topic stays.
 * @param sentAt time of all records, ms since 1970. KafkaJS would take the time anew for each partition, and a reader
 * that merges partitions by time would see another order than that of the send.
 */
export function toTopicMessages(records: readonly OutgoingRecord[], sentAt: number): TopicMessages[] {
  const timestamp = String(sentAt);
  const topics = new Map<string, TopicMessages>();
  for (const { topic, key, value, headers } of records) {
    const entry = topics.get(topic) ?? { topic, messages: [] };
    topics.set(topic, entry);
    // Partition 0, always: without a key KafkaJS would draw another partition at each attempt.
    entry.messages.push({ key, value, timestamp, headers: { ...headers }, ...(key === null && { partition: 0 }) });
  }
  return [...topics.values()];
}

/** The broker refuses a batch over 1 MiB (message.max.bytes), and KafkaJS makes one batch a partition of a request. */
const MAX_REQUEST_BYTES = 900_000;
/** Upper bounds, bytes: lengths, timestamp and offset of a record, and the lengths of a header. */
const RECORD_OVERHEAD = 40;
const HEADER_OVERHEAD = 6;

/**
 * Splits the records into consecutive parts, each small enough for one request whatever partitions it goes to. A record
 * larger than the limit is a part of its own.
 */
export function splitBySize(records: readonly OutgoingRecord[], limit = MAX_REQUEST_BYTES): OutgoingRecord[][] {
  const parts: OutgoingRecord[][] = [];
  let room = 0;
  for (const record of records) {
    const size = sizeOf(record);
    const last = parts.at(-1);
    if (last && size <= room) last.push(record);
    else {
      parts.push([record]);
      room = limit;
    }
    room -= size;
  }
  return parts;
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = RECORD_OVERHEAD + Buffer.byteLength(key ?? '') + (value?.length ?? 0);
  for (const name in headers) bytes += HEADER_OVERHEAD + name.length + Buffer.byteLength(headers[name] ?? '');
  return bytes;
}
