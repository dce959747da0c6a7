import { durabilityFaults, INBOX_RETENTION_DAYS, TOPIC_SETTINGS, type TopicPlan, type TopicState } from '@shop/events';

/** What is wrong with a topic, and the mend. */
export interface TopicFault {
  readonly wrong: string;
  readonly mend: string;
}

const GUIDE = 'docs/guides/change-partitions.md';
const RUNBOOK = 'docs/runbooks/topic-refused.md';
const SETTINGS = 'docs/runbooks/topic-settings.md';
const BROKERS = 'docs/runbooks/broker-lost.md';
/** Settings with which the shop runs on, and what another value means. */
const WORKING = [
  ['compression.type', 'producer', 'every compression is read, for more work on both sides'],
  ['retention.bytes', '-1', 'a busy day removes what replay and recovery count on'],
  ['message.timestamp.type', 'CreateTime', 'delays are measured from when the broker had the message'],
] as const;
/** Events of 900 kB are accepted by the outbox; with headers and a batch's own bytes they fit into the default. */
const LEAST_MESSAGE_BYTES = 1_000_000;

/** Compares a topic with what the shop needs of it. Empty: nothing is wrong. */
export function topicFaults(state: TopicState, plan: TopicPlan): TopicFault[] {
  if (state.unreadable !== undefined) return [unreadable(state.topic, state.unreadable)];
  const hidden = state.settingsUnreadable === undefined ? [] : [unreadable(state.topic, state.settingsUnreadable)];
  return [...hidden, ...partitionFaults(state, plan), ...settingFaults(state), ...replicaFaults(state, plan)];
}

function unreadable(topic: string, reason: string): TopicFault {
  if (reason === 'UNKNOWN_TOPIC_OR_PARTITION')
    return { wrong: 'it does not exist', mend: `npm run ops -- topics --execute; ${RUNBOOK}` };
  if (reason === 'TOPIC_AUTHORIZATION_FAILED')
    return {
      wrong: 'a right is missing (TOPIC_AUTHORIZATION_FAILED)',
      mend: `kafka-acls.sh --add --allow-principal User:… --operation Read --operation Write --operation Describe --operation DescribeConfigs --topic ${topic}; ${RUNBOOK}`,
    };
  if (reason === 'LEADER_NOT_AVAILABLE')
    return {
      wrong: 'a partition has no leader: every broker that may lead it is away, and nothing is sent to it',
      mend: `start the brokers that have its copies: ${BROKERS}`,
    };
  return { wrong: `it cannot be read: ${reason}`, mend: RUNBOOK };
}

function partitionFaults({ partitions }: TopicState, { partitions: expected }: TopicPlan): TopicFault[] {
  if (partitions === expected) return [];
  const wrong = `it has ${partitions} partitions, and KAFKA_PARTITIONS is ${expected}`;
  return partitions > expected
    ? [{ wrong: `${wrong}: services warn and go on`, mend: `set KAFKA_PARTITIONS to ${partitions}: ${GUIDE}, step 4` }]
    : [{ wrong: `${wrong}: no service starts`, mend: `add partitions: ${GUIDE}, from step 1` }];
}

function settingFaults({ topic, settings }: TopicState): TopicFault[] {
  const alter = (setting: string) =>
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  const faults: TopicFault[] = [];
  for (const [name, value] of Object.entries(TOPIC_SETTINGS)) {
    const found = settings.get(name);
    if (found === undefined || found === value) continue;
    const isLonger = Number(found) < 0 || Number(found) > Number(value);
    const why = isLonger
      ? `a replay could meet events that inboxes have forgotten after ${INBOX_RETENTION_DAYS} days`
      : 'a restored service finds less to be brought forward by';
    faults.push({ wrong: `${name} is ${found}, not ${value}: ${why}`, mend: alter(`${name}=${value}`) });
  }
  const policy = settings.get('cleanup.policy') ?? 'delete';
  if (policy !== 'delete')
    faults.push({
      wrong: `cleanup.policy is ${policy}: of each order only the last event would be kept`,
      mend: alter('cleanup.policy=delete'),
    });
  for (const [name, value, why] of WORKING) {
    const found = settings.get(name);
    if (found !== undefined && found !== value)
      faults.push({
        wrong: `${name} is ${found}, not ${value}: ${why}`,
        mend: `${alter(`${name}=${value}`)}; ${SETTINGS}`,
      });
  }
  const most = Number(settings.get('max.message.bytes') ?? LEAST_MESSAGE_BYTES);
  if (most < LEAST_MESSAGE_BYTES)
    faults.push({
      wrong: `max.message.bytes is ${most}: it refuses events that the outbox takes (up to 900 kB)`,
      mend: `${alter('max.message.bytes=1048588')}; what waits is sent then: ${RUNBOOK}`,
    });
  return faults;
}

function replicaFaults(state: TopicState, plan: TopicPlan): TopicFault[] {
  const { topic, replicas, settings } = state;
  const least = Number(settings.get('min.insync.replicas') ?? 1);
  const alter = (setting: string) =>
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  const mends = {
    replicas: `kafka-reassign-partitions.sh: ${BROKERS}, "Too few copies"; or KAFKA_DURABILITY=single`,
    'min.insync.replicas': alter(`min.insync.replicas=${plan.minInSync}`),
    'unclean.leader.election.enable': alter('unclean.leader.election.enable=false'),
  };
  const fragile = durabilityFaults(state, plan).map(({ setting, wrong }) => ({ wrong, mend: mends[setting] }));
  const stopped = least > replicas ? [stoppedFault(state, plan, least, alter)] : [];
  const found = [...stopped, ...fragile];
  if (found.length > 0) return found;
  return state.settingsUnreadable === undefined ? presentFaults(state, least, alter) : behind(state);
}

/** A smaller number than the plan's is never the mend: services refuse it at their next start. */
function stoppedFault(
  { replicas }: TopicState,
  { minInSync }: TopicPlan,
  least: number,
  alter: (setting: string) => string,
): TopicFault {
  const possible = Math.max(minInSync, replicas - 1, 1);
  const more = 'more replicas (kafka-reassign-partitions.sh)';
  return {
    wrong: `min.insync.replicas is ${least}, with ${replicas} replicas: it takes nothing`,
    mend: `${possible <= replicas ? `${alter(`min.insync.replicas=${possible}`)}, or ${more}` : more}; ${RUNBOOK}`,
  };
}

/** What is wrong with the copies now, whatever was asked for. */
function presentFaults(
  { replicas, underReplicated }: TopicState,
  least: number,
  alter: (setting: string) => string,
): TopicFault[] {
  const lacking = behind({ underReplicated });
  if (lacking.length > 0) return lacking;
  if (replicas > 1 && least === replicas)
    return [
      {
        wrong: `min.insync.replicas is ${least}, with ${replicas} replicas: it takes nothing while one broker is away`,
        mend: replicas > 2 ? alter(`min.insync.replicas=${replicas - 1}`) : `a third replica: ${BROKERS}`,
      },
    ];
  if (replicas >= 3 && least < 2)
    return [
      {
        wrong: `min.insync.replicas is ${least}, with ${replicas} replicas: what one broker alone has counts as durable`,
        mend: alter('min.insync.replicas=2'),
      },
    ];
  return [];
}

function behind({ underReplicated }: Pick<TopicState, 'underReplicated'>): TopicFault[] {
  if (underReplicated === 0) return [];
  return [{ wrong: `${underReplicated} partitions lack a copy: a broker is away or behind`, mend: BROKERS }];
}

/**
 * Compares Kafka's own topic of committed offsets, which must survive a broker too: a group whose offsets are gone
 * halts. It is missing until the first group has committed.
 */
export function offsetsTopicFaults(state: TopicState, plan: TopicPlan): TopicFault[] {
  if (state.unreadable === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
  if (state.unreadable !== undefined) return [unreadable(state.topic, state.unreadable)];
  const hidden = state.settingsUnreadable === undefined ? [] : [unreadable(state.topic, state.settingsUnreadable)];
  const fragile = durabilityFaults(state, { ...plan, minInSync: 1 }).map(({ wrong }) => ({
    wrong: `${wrong}: groups halt when its broker is lost`,
    mend: `kafka-reassign-partitions.sh: ${BROKERS}, "Too few copies"; and offsets.topic.replication.factor of the brokers`,
  }));
  return [...hidden, ...fragile, ...behind(state)];
}
