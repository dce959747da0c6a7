import { describe, expect, it } from '@jest/globals';
import { singleCopy, TOPIC_SETTINGS, type TopicPlan, type TopicState } from '@shop/events';
import { offsetsTopicFaults, topicFaults } from './faults.ts';

const PARTITIONS = 6;
const ONE = singleCopy(PARTITIONS);
const THREE: TopicPlan = { partitions: PARTITIONS, replicas: 3, minInSync: 2 };

const topic = (change: Partial<TopicState> = {}, settings: Readonly<Record<string, string>> = {}): TopicState => ({
  ...{ topic: 'order-events', partitions: PARTITIONS, replicas: 1, underReplicated: 0 },
  settings: new Map(
    Object.entries({ ...TOPIC_SETTINGS, 'cleanup.policy': 'delete', 'max.message.bytes': '1048588', ...settings }),
  ),
  ...change,
});

describe('the faults of a topic', () => {
  it('when it is as the services make it, then there are none', () => {
    expect(topicFaults(topic(), ONE)).toEqual([]);
    expect(topicFaults(topic({ replicas: 3 }, { 'min.insync.replicas': '2' }), ONE)).toEqual([]);
    expect(topicFaults(topic({ replicas: 3 }, { 'min.insync.replicas': '2' }), THREE)).toEqual([]);
  });

  it.each<[TopicState, wrong: string, mend: string]>([
    [topic({ unreadable: 'UNKNOWN_TOPIC_OR_PARTITION' }), 'does not exist', 'topics --execute'],
    [topic({ unreadable: 'TOPIC_AUTHORIZATION_FAILED' }), 'a right is missing', 'kafka-acls.sh --add'],
    [topic({ partitions: PARTITIONS + 2 }), 'warn and go on', `KAFKA_PARTITIONS to ${PARTITIONS + 2}`],
    [topic({ partitions: PARTITIONS - 1 }), 'no service starts', 'add partitions: docs/guides/change-partitions.md'],
    [topic({}, { 'retention.ms': '-1' }), 'inboxes have forgotten', 'retention.ms=604800000'],
    [topic({}, { 'retention.ms': '3600000' }), 'restored service', 'retention.ms=604800000'],
    [topic({}, { 'cleanup.policy': 'compact' }), 'cleanup.policy is compact', 'cleanup.policy=delete'],
    [topic({}, { 'max.message.bytes': '1500' }), 'refuses events', 'max.message.bytes=1048588'],
    [topic({}, { 'min.insync.replicas': '2' }), 'it takes nothing', 'min.insync.replicas=1'],
    [topic({ replicas: 3 }, { 'min.insync.replicas': '1' }), 'one broker alone', 'min.insync.replicas=2'],
    [topic({ replicas: 3 }, { 'min.insync.replicas': '3' }), 'nothing while one broker', 'min.insync.replicas=2'],
    [topic({ replicas: 3, underReplicated: 2 }, { 'min.insync.replicas': '2' }), '2 partitions lack', 'broker-lost.md'],
  ])('when a topic differs, then its fault has its own mend: %o', (state, wrong, mend) => {
    expect(topicFaults(state, ONE)).toEqual([
      { wrong: expect.stringContaining(wrong), mend: expect.stringContaining(mend) },
    ]);
  });

  it.each<[TopicState, wrong: string, mend: string]>([
    [
      topic({ replicas: 2 }, { 'min.insync.replicas': '2' }),
      '2 replicas, and must have 3',
      'kafka-reassign-partitions',
    ],
    [topic({ replicas: 3 }, { 'min.insync.replicas': '1' }), 'is 1, and must be 2', 'min.insync.replicas=2'],
    [
      topic({ replicas: 3 }, { 'min.insync.replicas': '2', 'unclean.leader.election.enable': 'true' }),
      'lacks acknowledged events',
      'unclean.leader.election.enable=false',
    ],
    [topic({ replicas: 3 }, { 'min.insync.replicas': '3' }), 'nothing while one broker', 'min.insync.replicas=2'],
    [topic({ replicas: 1, settingsUnreadable: 'X' }), '1 replicas, and must have 3', 'kafka-reassign-partitions'],
  ])('when a lost broker could lose events of a topic, then doctor says so with the mend: %o', (state, wrong, mend) => {
    expect(topicFaults(state, THREE)).toContainEqual({
      wrong: expect.stringContaining(wrong),
      mend: expect.stringContaining(mend),
    });
    expect(topicFaults(state, THREE)).toHaveLength(state.settingsUnreadable ? 2 : 1);
  });

  it('when settings may not be read, then nothing is said about them but that', () => {
    const state = { ...topic({ replicas: 3, settingsUnreadable: 'TOPIC_AUTHORIZATION_FAILED' }), settings: new Map() };
    expect(topicFaults(state, THREE).map(({ wrong }) => wrong)).toEqual([
      expect.stringContaining('a right is missing'),
    ]);
  });

  it('when a topic takes nothing, then the mend never contradicts the plan, and missing replicas are told too', () => {
    const two = topicFaults(topic({ replicas: 2 }, { 'min.insync.replicas': '3' }), THREE);
    expect(two.map(({ wrong }) => wrong)).toEqual([
      expect.stringContaining('takes nothing'),
      expect.stringContaining('2 replicas, and must have 3'),
    ]);
    expect(two[0]?.mend).toContain('min.insync.replicas=2');
    const [one] = topicFaults(topic({ replicas: 1 }, { 'min.insync.replicas': '2' }), THREE);
    expect(one).toEqual({
      wrong: expect.stringContaining('takes nothing'),
      mend: expect.stringMatching(/^more replicas/),
    });
  });

  it('when the offsets of groups have one copy, then that is a fault, unless one copy was asked for', () => {
    const offsets = topic({ topic: '__consumer_offsets', partitions: 50 }, { 'cleanup.policy': 'compact' });
    expect(offsetsTopicFaults(offsets, THREE).map(({ wrong }) => wrong)).toEqual([
      expect.stringContaining('groups halt when its broker is lost'),
    ]);
    expect(offsetsTopicFaults(offsets, ONE)).toEqual([]);
    expect(offsetsTopicFaults(topic({ unreadable: 'UNKNOWN_TOPIC_OR_PARTITION' }), THREE)).toEqual([]);
  });

  it('when the offsets of groups cannot be read, or lack a copy, then doctor says so', () => {
    const words = (state: TopicState) => offsetsTopicFaults(state, THREE).map(({ wrong }) => wrong);
    expect(words(topic({ unreadable: 'LEADER_NOT_AVAILABLE' }))).toEqual([expect.stringContaining('no leader')]);
    expect(words(topic({ unreadable: 'TOPIC_AUTHORIZATION_FAILED' }))).toEqual([expect.stringContaining('a right')]);
    expect(words(topic({ replicas: 3, underReplicated: 1 }))).toEqual([expect.stringContaining('lack a copy')]);
  });
});
