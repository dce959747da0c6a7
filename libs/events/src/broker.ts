/**
 * The port to the log. Two adapters: `kafka/` (KafkaJS) and `testing/` (in memory, seeded scheduler). Both pass one
 * conformance suite.
 */

import type { TopicPlan } from './topic-plan.ts';

/** Header values are text; Kafka stores bytes, adapters convert. */
export type Headers = Readonly<Record<string, string>>;

export interface OutgoingRecord {
  readonly topic: string;
  /**
   * Never empty: a keyless message may change partition on retry. Null only for dead-letter mirrors of undecodable
   * records without a key.
   */
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
}

export interface IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
  /** Broker's timestamp, ms since the epoch. */
  readonly timestamp: number;
  /** Reads one header, where that is cheaper than reading all of `headers`. Absent: it is not cheaper. */
  header?(name: string): string | undefined;
}

/** Consecutive records of one partition. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly IncomingRecord[];
  /**
   * True once this consumer no longer owns the partition or is stopping. The handler then stops and does not commit.
   */
  isStale(): boolean;
  /**
   * Keeps the membership alive during long work or waiting. Rejects when the group rebalances: the batch is then stale,
   * or the next turn finds that it is not.
   */
  heartbeat(): Promise<void>;
}

export interface ConsumeOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** False only for groups that merely wake waiters: these groups start at the end and never commit. */
  readonly fromBeginning: boolean;
  /**
   * Whether the group has worked before, as its inbox shows. Asked where it has no committed offset: a group that has
   * one no more halts, unless the log still holds all it ever held. Absent: such a group counts as new.
   */
  readonly isKnown?: () => Promise<boolean>;
  /** How long the broker may hold a record back to deliver it together with more, ms. Absent: it delivers at once. */
  readonly patienceMs?: number | undefined;
  /**
   * Called for each partition: several partitions at once, one call at a time for each. When it resolves, the batch's
   * offsets are committed. When it rejects, nothing is committed and the batch is delivered again after a pause.
   */
  readonly onBatch: (batch: RecordBatch) => Promise<void>;
  /**
   * Called when the group has assigned partitions to this consumer, with all that it now has, as `topic/partition`; and
   * with none when its client has ended.
   */
  readonly onAssigned?: (partitions: ReadonlySet<string>) => void;
}

export interface BrokerConsumer {
  /** Resolves once the group has joined and its partitions (perhaps none) are assigned. */
  ready(): Promise<void>;
  /** Finishes and commits the batches being handled, then leaves the group. */
  stop(): Promise<void>;
}

export interface Broker {
  /**
   * Resolves when every record is durable (acks=all); order within a key is the array's. A rejected send may have
   * written some of the records: the caller sends all of them again. Rejects with RefusedError when the broker refuses
   * some of them.
   * @param options.once without the client's own repetitions, for records that were refused before
   */
  send(records: readonly OutgoingRecord[], options?: { readonly once?: boolean }): Promise<void>;
  consume(options: ConsumeOptions): Promise<BrokerConsumer>;
  /**
   * Creates missing topics. Rejects if an existing topic has fewer partitions or copies than the plan; warns if it has
   * more partitions.
   */
  ensureTopics(topics: readonly string[], plan: TopicPlan): Promise<void>;
  /** Closes the consumers first, then the producer. */
  close(): Promise<void>;
}
