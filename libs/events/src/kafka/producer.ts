import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import type { OutgoingRecord } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { describe, OutageError } from '../errors.ts';
import { splitBySize, toTopicMessages } from './records.ts';
import { refusalIn } from './refusal.ts';

export interface Sender {
  send(records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * The plain producer with acks=all, one request in flight and one send at a time. The idempotent producer of KafkaJS
 * loses its sequence under concurrent sends and broker restarts (its issues 598, 1005), and would not cover a crash
 * between send and outbox deletion anyway. Duplicates are harmless, since event ids are derived.
 *
 * A request carries several topics, and each partition is taken or refused by itself; KafkaJS reports the first refusal
 * without its topic. Whoever wants to know which records are refused sends them apart.
 * @param retries how often KafkaJS tries again by itself
 */
export function createSender(kafka: Kafka, clock: Pick<Clock, 'now'>, retries = 4): Sender {
  let producer: Promise<Producer> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function connect(): Promise<Producer> {
    const created = kafka.producer({
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries },
    });
    try {
      await created.connect();
      return created;
    } catch (error) {
      await discard(created);
      throw error;
    }
  }

  async function sendNow(records: readonly OutgoingRecord[]): Promise<void> {
    producer ??= connect();
    const current = producer;
    try {
      const connected = await current;
      const sentAt = clock.now();
      // No compression: small batches gain nothing and cost CPU on both sides.
      for (const part of splitBySize(records)) {
        await connected.sendBatch({ acks: -1, timeout: 10_000, topicMessages: toTopicMessages(part, sentAt) });
      }
    } catch (error) {
      // After any failure the next send begins with a fresh connection.
      producer = undefined;
      void current.then(discard, () => {});
      throw refusalIn(error) ?? new OutageError(`sending to Kafka: ${describe(error)}`, { cause: error });
    }
  }

  return {
    send(records) {
      if (records.length === 0) return Promise.resolve();
      const sent = last.then(() => sendNow(records));
      last = sent.catch(() => {});
      return sent;
    },
    async close() {
      await last;
      const current = producer;
      producer = undefined;
      if (current) await current.then(discard, () => {});
    },
  };
}

async function discard(producer: Producer): Promise<void> {
  await producer.disconnect().catch(() => {});
}
