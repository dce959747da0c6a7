export interface Gauge {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The values of one metric in the text that GET /metrics answers (Prometheus' exposition format). */
export function readGauges(text: string, name: string): Gauge[] {
  const line = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)`, 'gm');
  return [...text.matchAll(line)].map(([, labels = '', value]) => ({
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', content = '']) => [label, content]),
    ),
    value: Number(value),
  }));
}

export interface HaltedPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** The state of an instance's messaging. */
export interface MessagingState {
  /** True when the instance holds the relay of its schema. */
  readonly relaying: boolean;
  /** Partitions that have halted because the handler is broken. */
  readonly halted: readonly string[];
  /** Topics whose events its relay cannot send, with the broker's reason. */
  readonly refused: readonly { readonly topic: string; readonly reason: string }[];
  /** Groups that have halted because the log no longer holds their place. */
  readonly lost: readonly string[];
  /** The partitions among them. */
  readonly haltedPartitions: readonly HaltedPartition[];
  /** Groups that wait for a dependency that is away. */
  readonly waiting: readonly string[];
  /** Groups whose client ends and is started again without lasting. */
  readonly restarting: readonly string[];
  /** Types of events that the instance writes with a schema id that the registry no longer knows. */
  readonly lostSchemas: readonly string[];
}

/** Services whose breaker is open at a gateway, since they did not answer. */
export function readOpenBreakers(metrics: string): string[] {
  return readGauges(metrics, 'gateway_breaker_state')
    .filter(({ labels, value }) => value === 1 && labels.state !== 'closed')
    .map(({ labels }) => labels.upstream ?? '');
}

export function readMessagingState(metrics: string): MessagingState {
  const set = (name: string) =>
    readGauges(metrics, name)
      .filter((gauge) => gauge.value === 1)
      .map((gauge) => gauge.labels);
  const haltedPartitions = set('events_partition_halted').map(({ group = '', topic = '', partition }) => ({
    ...{ group, topic },
    partition: Number(partition),
  }));
  return {
    relaying: set('outbox_relay_holder').length > 0,
    halted: haltedPartitions.map(({ group, topic, partition }) => `${group} on ${topic}/${partition}`),
    lost: set('events_group_halted').map(({ group }) => group ?? ''),
    refused: set('outbox_topic_refused').map(({ topic = '', reason = '' }) => ({ topic, reason })),
    haltedPartitions,
    waiting: set('events_consumer_waiting').map(({ group }) => group ?? ''),
    restarting: set('events_consumer_restarting').map(({ group }) => group ?? ''),
    lostSchemas: set('events_schema_id_lost').map(({ type }) => type ?? ''),
  };
}
