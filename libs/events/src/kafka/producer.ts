import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import type { OutgoingRecord } from '../broker.ts';
import { type Clock, createBackoff, WOKEN } from '../clock.ts';
import { describe, OutageError, withCauses } from '../errors.ts';
import { splitBySize, toTopicMessages } from './records.ts';
import { refusalIn } from './refusal.ts';

/** Pauses between two attempts to send, ms. */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 500;

export interface Sender {
  /** Rejects with OutageError once it is closed. */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Waits for the attempt that is on its way; it is not repeated. */
  close(): Promise<void>;
}

/**
 * The plain producer with acks=all, one request in flight and one send at a time. The idempotent producer of KafkaJS
 * loses its sequence under concurrent sends and broker restarts (its issues 598, 1005), and would not cover a crash
 * between send and outbox deletion anyway. Duplicates are harmless, since event ids are derived.
 *
 * KafkaJS never tries a send again by itself. It would send again only to the brokers that have not answered yet: a
 * partition that has moved meanwhile to one that has answered would be left out, and the send would succeed all the
 * same (its issue 1303, pull request 1798). Here everything is sent again, over a new connection, which learns the
 * present leaders and reaches all of them before it sends anything. What was written before is a duplicate then.
 * A connection is not tried again here: KafkaJS has tried for seconds by then, and a stop must not wait for more.
 *
 * A request carries several topics, and each partition is taken or refused by itself; KafkaJS reports the first refusal
 * without its topic. Whoever wants to know which records are refused sends them apart.
 * @param retries how often all is sent again
 */
// One function: its steps share one connection, which a failure replaces, and the last send, which the next waits for.
export function createSender(kafka: Kafka, clock: Pick<Clock, 'now' | 'sleep'>, retries = 4): Sender {
  let producer: Promise<Producer> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();

  async function connection(): Promise<Producer> {
    producer ??= connect(kafka);
    const current = producer;
    try {
      return await current;
    } catch (error) {
      if (producer === current) producer = undefined;
      throw failure(error);
    }
  }

  /** No compression: small batches gain nothing and cost CPU on both sides. */
  async function sendOver(connected: Producer, records: readonly OutgoingRecord[]): Promise<void> {
    const sentAt = clock.now();
    try {
      for (const part of splitBySize(records))
        await connected.sendBatch({ acks: -1, timeout: 10_000, topicMessages: toTopicMessages(part, sentAt) });
    } catch (error) {
      // After any failure the next send begins with a fresh connection.
      producer = undefined;
      void discard(connected);
      throw error;
    }
  }

  async function sendNow(records: readonly OutgoingRecord[]): Promise<void> {
    const backoff = createBackoff(FIRST_PAUSE_MS, LAST_PAUSE_MS);
    for (let left = retries; ; left -= 1) {
      const connected = await connection();
      try {
        return await sendOver(connected, records);
      } catch (error) {
        if (left > 0 && !isFinal(error)) await clock.sleep(backoff.next(), closing.signal);
        if (left === 0 || isFinal(error) || closing.signal.aborted) throw failure(error);
      }
    }
  }

  return {
    send(records) {
      if (records.length === 0) return Promise.resolve();
      // A new connection would have nobody who closes it.
      if (closing.signal.aborted) return Promise.reject(new OutageError('sending to Kafka: the sender is closed'));
      const sent = last.then(() => sendNow(records));
      last = sent.catch(() => {});
      return sent;
    },
    async close() {
      closing.abort(WOKEN);
      await last;
      const current = producer;
      producer = undefined;
      if (current) await current.then(discard, () => {});
    },
  };
}

async function connect(kafka: Kafka): Promise<Producer> {
  const created = kafka.producer({
    idempotent: false,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
  });
  try {
    await created.connect();
    return created;
  } catch (error) {
    await discard(created);
    throw error;
  }
}

function failure(error: unknown): Error {
  return refusalIn(error) ?? new OutageError(`sending to Kafka: ${describe(error)}`, { cause: error });
}

/** The broker's answer stays the same, however often it is asked. */
function isFinal(error: unknown): boolean {
  for (const cause of withCauses(error)) if ('type' in cause && 'retriable' in cause) return cause.retriable === false;
  return false;
}

async function discard(producer: Producer): Promise<void> {
  await producer.disconnect().catch(() => {});
}
