/** How many partitions and copies the topics are made with, and must have. */
export interface TopicPlan {
  readonly partitions: number;
  /** Copies of each partition, each on a broker of its own; undefined: however many the broker's default gives. */
  readonly replicas: number | undefined;
  /** Copies that must have an event before it counts as sent. */
  readonly minInSync: number;
}

/** The environment of a plan; `kafkaTopicConfig` of the chassis reads and describes it. */
export interface TopicConfig {
  readonly KAFKA_DURABILITY: 'replicated' | 'single';
  readonly KAFKA_PARTITIONS: number;
  readonly KAFKA_REPLICATION_FACTOR: number;
  readonly KAFKA_MIN_INSYNC_REPLICAS: number;
}

export function topicPlan(config: TopicConfig): TopicPlan {
  const { KAFKA_PARTITIONS: partitions, KAFKA_REPLICATION_FACTOR: replicas } = config;
  if (config.KAFKA_DURABILITY === 'single') return singleCopy(partitions);
  return { partitions, replicas, minInSync: config.KAFKA_MIN_INSYNC_REPLICAS };
}

/** A plan that asks for no more copies than the broker gives: for one broker. */
export function singleCopy(partitions: number): TopicPlan {
  return { partitions, replicas: undefined, minInSync: 1 };
}
