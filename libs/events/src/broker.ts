/**
 * The port to the log. Two adapters: `kafka/` (KafkaJS) and `testing/` (in memory, seeded scheduler). One conformance
 * suite.
 */

/** Header values are text; Kafka stores bytes, adapters convert. */
export type Headers = Readonly<Record<string, string>>;

export interface OutgoingRecord {
  readonly topic: string;
  /**
   * Never empty: a keyless message may change partition on retry. Null only for dead-letter mirrors of keyless rubbish.
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
  /** One header, where that is cheaper than all of `headers`. Absent: it is not. */
  header?(name: string): string | undefined;
}

/** Consecutive records of one partition. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly IncomingRecord[];
  /** True once this consumer no longer owns the partition or is stopping: stop, do not commit. */
  isStale(): boolean;
  /** Keeps the membership alive during long work or waiting. Rejects when the group rebalances: let it through. */
  heartbeat(): Promise<void>;
}

export interface ConsumeOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** False only for groups that merely wake waiters: they start at the end and never commit. */
  readonly fromBeginning: boolean;
  /** A record may be held back for so long, ms, to come with more. Absent: it comes as soon as it is there. */
  readonly patienceMs?: number | undefined;
  /**
   * Called for each partition, several partitions at once, one call at a time for each. Resolved: the batch's offsets
   * are committed. Rejected: nothing is committed and the batch comes again, after a pause.
   */
  readonly onBatch: (batch: RecordBatch) => Promise<void>;
}

export interface BrokerConsumer {
  /** Resolves once the group has joined and partitions (perhaps none) are assigned. */
  ready(): Promise<void>;
  /** Finishes the batches at work, commits them, leaves the group. */
  stop(): Promise<void>;
}

export interface Broker {
  /**
   * Resolves when every record is durable (acks=all); order within a key is the array's. May be rejected after some
   * were written: the caller sends again.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<BrokerConsumer>;
  /** Creates what is missing. Rejects if an existing topic has another partition count. */
  ensureTopics(topics: readonly string[], partitions: number): Promise<void>;
  /** Consumers first, then the producer. */
  close(): Promise<void>;
}
