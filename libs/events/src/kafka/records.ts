import type { IHeaders, KafkaMessage, TopicMessages } from 'kafkajs';
import type { IncomingRecord, OutgoingRecord } from '../broker.ts';

/** A message as KafkaJS delivers it, as the port's record. */
export function toRecord(topic: string, partition: number, message: KafkaMessage): IncomingRecord {
  return {
    topic,
    partition,
    offset: message.offset,
    key: message.key ? message.key.toString('utf8') : null,
    value: message.value,
    headers: toHeaders(message.headers),
    timestamp: Number(message.timestamp),
  };
}

/** The port's records as one request of KafkaJS; the order within a topic stays. */
export function toTopicMessages(records: readonly OutgoingRecord[]): TopicMessages[] {
  const topics = new Map<string, TopicMessages>();
  for (const { topic, key, value, headers } of records) {
    const entry = topics.get(topic) ?? { topic, messages: [] };
    topics.set(topic, entry);
    // Without a key KafkaJS would draw a partition at each attempt.
    entry.messages.push({ key, value, headers: { ...headers }, ...(key === null && { partition: 0 }) });
  }
  return [...topics.values()];
}

function toHeaders(headers: IHeaders | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) result[name] = last.toString();
  }
  return result;
}
