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
  /** Groups that wait for a dependency that is away. */
  readonly waiting: readonly string[];
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
  return {
    relaying: set('outbox_relay_holder').length > 0,
    halted: set('events_partition_halted').map(({ group, topic, partition }) => `${group} on ${topic}/${partition}`),
    lost: set('events_group_halted').map(({ group }) => group ?? ''),
    refused: set('outbox_topic_refused').map(({ topic = '', reason = '' }) => ({ topic, reason })),
    waiting: set('events_consumer_waiting').map(({ group }) => group ?? ''),
  };
}
