import { createJobMeasures, type Metrics } from '@shop/chassis';

/** How a consumer handled a message. Every message has exactly one outcome. */
export type Outcome = 'applied' | 'duplicate' | 'skipped' | 'parked' | 'dead_lettered';

/** The number of a transaction's messages by outcome. */
export interface Applied {
  readonly applied: number;
  readonly duplicate: number;
  readonly parked: number;
  readonly deadLettered: number;
}

/** The metrics of messaging, by consumer group. */
export interface EventMetrics {
  handled(group: string, outcome: Outcome, count: number): void;
  /** One committed transaction: number of messages and duration. */
  batch(group: string, size: number, seconds: number): void;
  /** Tells a group's delay when the measures are read: the age of the oldest message in hand, s; 0 without one. */
  delay(group: string, seconds: () => number): void;
  /** True while a consumer waits for a dependency that is away. */
  waiting(group: string, waiting: boolean): void;
  /** True while a partition's handler is broken. Alerts. */
  partitionHalted(group: string, topic: string, partition: number, halted: boolean): void;
  /** True while a group's offsets are out of the log's range. Alerts. */
  groupHalted(group: string, halted: boolean): void;
  consumerRestarted(group: string): void;
  /** True while a group's client ends and is started again without lasting. Alerts. */
  consumerRestarting(group: string, restarting: boolean): void;
  relayed(count: number): void;
  relaying(holding: boolean): void;
  /** Rows in the outbox (counted up to 10,000) and the age of the oldest. */
  outbox(backlog: number, oldestSeconds: number): void;
  /** The topics that the broker refuses now, with its reason; topics named before and not now are taken again. */
  refused(topics: readonly { readonly topic: string; readonly reason: string }[]): void;
  /** True while the registry no longer knows the schema id with which this process writes a type of event. Alerts. */
  schemaIdLost(type: string, lost: boolean): void;
  redriven(group: string, outcome: 'applied' | 'failed'): void;
  /** One look of a loop that works for operators: what they ask for waits while its looks fail. */
  looked(loop: 'redrive' | 'replay', succeeded: boolean, seconds: number): void;
  /** One batch of a replay. */
  replayed(group: string, outcome: Applied): void;
}

const nothing = () => {};
export const noMetrics: EventMetrics = {
  handled: nothing,
  batch: nothing,
  delay: nothing,
  waiting: nothing,
  partitionHalted: nothing,
  groupHalted: nothing,
  consumerRestarted: nothing,
  consumerRestarting: nothing,
  relayed: nothing,
  relaying: nothing,
  outbox: nothing,
  refused: nothing,
  schemaIdLost: nothing,
  redriven: nothing,
  looked: nothing,
  replayed: nothing,
};

const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

// One function: it is a list of measures, with a method that changes each.
export function createEventMetrics(metrics: Metrics): EventMetrics {
  const handled = metrics.counter('events_handled_total', 'Messages by what became of them', ['group', 'outcome']);
  const size = metrics.histogram('events_batch_size', 'Messages a transaction', ['group'], SIZES);
  const seconds = metrics.histogram('events_handling_seconds', 'Time of one transaction of a consumer', ['group']);
  const delays = new Map<string, () => number>();
  metrics.gauge(
    'events_delay_seconds',
    'Age of the oldest message that a consumer has got and not yet applied',
    ['group'],
    (gauge) => {
      for (const [group, seconds] of delays) gauge.set({ group }, seconds());
    },
  );
  const waiting = metrics.gauge('events_consumer_waiting', '1 while something it needs is away', ['group']);
  const halted = metrics.gauge('events_partition_halted', '1 while its handler or the registry is broken', [
    'group',
    'topic',
    'partition',
  ]);
  const groupHalted = metrics.gauge('events_group_halted', '1 while its offsets are out of range', ['group']);
  const restarts = metrics.counter('events_consumer_restarts_total', 'Clients rebuilt after a crash', ['group']);
  const restarting = metrics.gauge('events_consumer_restarting', '1 while its client ends again and again', ['group']);
  const relayed = metrics.counter('outbox_relayed_total', 'Events sent by the relay of this process');
  const relaying = metrics.gauge('outbox_relay_holder', '1 while this process relays its schema');
  const backlog = metrics.gauge('outbox_backlog', 'Rows waiting in the outbox, counted up to 10,000');
  const oldest = metrics.gauge('outbox_oldest_age_seconds', 'Age of the oldest row in the outbox');
  const refusedTopics = metrics.gauge('outbox_topic_refused', '1 while the broker refuses events of the topic', [
    'topic',
    'reason',
  ]);
  let refused: readonly { readonly topic: string; readonly reason: string }[] = [];
  const lostIds = metrics.gauge('events_schema_id_lost', '1 while the registry knows no longer the id written', [
    'type',
  ]);
  const redriven = metrics.counter('events_redriven_total', 'Dead letters redriven', ['group', 'outcome']);
  const loops = {
    redrive: createJobMeasures(metrics, 'redrive'),
    replay: createJobMeasures(metrics, 'replay'),
  };
  const replayed = metrics.counter('events_replayed_total', 'Messages replayed, by what became of them', [
    'group',
    'outcome',
  ]);
  return {
    handled: (group, outcome, count) => count > 0 && handled.inc({ group, outcome }, count),
    batch(group, count, took) {
      size.observe({ group }, count);
      seconds.observe({ group }, took);
    },
    delay: (group, age) => void delays.set(group, age),
    waiting: (group, now) => waiting.set({ group }, now ? 1 : 0),
    partitionHalted: (group, topic, partition, now) => halted.set({ group, topic, partition }, now ? 1 : 0),
    groupHalted: (group, now) => groupHalted.set({ group }, now ? 1 : 0),
    consumerRestarted: (group) => restarts.inc({ group }),
    consumerRestarting: (group, now) => restarting.set({ group }, now ? 1 : 0),
    relayed: (count) => relayed.inc(count),
    relaying: (now) => relaying.set(now ? 1 : 0),
    outbox(rows, age) {
      backlog.set(rows);
      oldest.set(age);
    },
    refused(topics) {
      for (const { topic, reason } of refused) refusedTopics.set({ topic, reason }, 0);
      for (const { topic, reason } of topics) refusedTopics.set({ topic, reason }, 1);
      refused = topics;
    },
    schemaIdLost: (type, lost) => lostIds.set({ type }, lost ? 1 : 0),
    redriven: (group, outcome) => redriven.inc({ group, outcome }),
    looked: (loop, succeeded, took) => loops[loop].ran(succeeded, took),
    replayed(group, { applied, duplicate, parked, deadLettered }) {
      replayed.inc({ group, outcome: 'applied' }, applied);
      replayed.inc({ group, outcome: 'duplicate' }, duplicate);
      replayed.inc({ group, outcome: 'parked' }, parked);
      replayed.inc({ group, outcome: 'dead_lettered' }, deadLettered);
    },
  };
}
