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

/** What an instance tells of its messaging. */
export interface MessagingState {
  /** It holds the relay of its schema. */
  readonly relaying: boolean;
  /** Partitions and groups that stand still because the handler is broken or the offsets are out of range. */
  readonly halted: readonly string[];
  /** Groups that wait for something that is away. */
  readonly waiting: readonly string[];
}

/** The services that a gateway sends nothing to at the moment, since they did not answer. */
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
    halted: [
      ...set('events_partition_halted').map(({ group, topic, partition }) => `${group} on ${topic}/${partition}`),
      ...set('events_group_halted').map(({ group }) => `${group}: offsets out of range`),
    ],
    waiting: set('events_consumer_waiting').map(({ group }) => group ?? ''),
  };
}
