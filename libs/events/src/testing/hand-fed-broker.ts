import type { Broker, ConsumeOptions, IncomingRecord, RecordBatch } from '../broker.ts';

/** A log that delivers only the records that a test feeds, at the time it feeds them. */
export interface HandFedBroker extends Broker {
  /** Delivers one partition's records to the consumer; settles as the consumer's batch does. */
  feed(records: readonly IncomingRecord[], options?: { isStale?: () => boolean }): Promise<void>;
  /** Assigns partitions (`topic/partition`) to the consumer, as a rebalance does. */
  assign(partitions: readonly string[]): void;
  readonly sent: {
    topic: string;
    key: string | null;
    value: Buffer | null;
    headers: Readonly<Record<string, string>>;
  }[];
  /** Runs at each send; throws to make it fail. */
  beforeSend: () => void;
}

export function createHandFedBroker(): HandFedBroker {
  let consumer: ConsumeOptions | undefined;
  const broker: HandFedBroker = {
    sent: [],
    beforeSend: () => {},
    feed(records, { isStale = () => false } = {}) {
      const [first] = records;
      if (!consumer || !first) throw new Error('nobody consumes, or nothing to feed');
      const { topic, partition } = first;
      const batch: RecordBatch = { topic, partition, records, isStale, heartbeat: async () => {} };
      return consumer.onBatch(batch);
    },
    assign: (partitions) => consumer?.onAssigned?.(new Set(partitions)),
    async send(records) {
      broker.beforeSend();
      broker.sent.push(...records);
    },
    async consume(options) {
      consumer = options;
      return { ready: async () => {}, stop: async () => {} };
    },
    ensureTopics: async () => {},
    close: async () => {},
  };
  return broker;
}
