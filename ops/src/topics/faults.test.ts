import { describe, expect, it } from '@jest/globals';
import { PARTITIONS, TOPIC_SETTINGS, type TopicState } from '@shop/events';
import { topicFaults } from './faults.ts';

const topic = (change: Partial<TopicState> = {}, settings: Readonly<Record<string, string>> = {}): TopicState => ({
  ...{ topic: 'order-events', partitions: PARTITIONS, replicas: 1 },
  settings: new Map(
    Object.entries({ ...TOPIC_SETTINGS, 'cleanup.policy': 'delete', 'max.message.bytes': '1048588', ...settings }),
  ),
  ...change,
});

describe('the faults of a topic', () => {
  it('when it is as the services make it, then there are none', () => {
    expect(topicFaults(topic())).toEqual([]);
    expect(topicFaults(topic({ replicas: 3 }, { 'min.insync.replicas': '2' }))).toEqual([]);
  });

  it.each<[TopicState, wrong: string, mend: string]>([
    [topic({ unreadable: 'UNKNOWN_TOPIC_OR_PARTITION' }), 'does not exist', 'topics --execute'],
    [topic({ unreadable: 'TOPIC_AUTHORIZATION_FAILED' }), 'a right is missing', 'kafka-acls.sh --add'],
    [topic({ partitions: PARTITIONS + 2 }), 'warn and go on', `PARTITIONS to ${PARTITIONS + 2}`],
    [topic({ partitions: PARTITIONS - 1 }), 'no service starts', 'add partitions: docs/guides/change-partitions.md'],
    [topic({}, { 'retention.ms': '-1' }), 'inboxes have forgotten', 'retention.ms=604800000'],
    [topic({}, { 'retention.ms': '3600000' }), 'restored service', 'retention.ms=604800000'],
    [topic({}, { 'cleanup.policy': 'compact' }), 'cleanup.policy is compact', 'cleanup.policy=delete'],
    [topic({}, { 'max.message.bytes': '1500' }), 'refuses events', 'max.message.bytes=1048588'],
    [topic({}, { 'min.insync.replicas': '2' }), 'it takes nothing', 'min.insync.replicas=1'],
    [topic({ replicas: 3 }, { 'min.insync.replicas': '1' }), 'one broker alone', 'min.insync.replicas=2'],
  ])('when a topic differs, then its fault has its own mend: %o', (state, wrong, mend) => {
    expect(topicFaults(state)).toEqual([
      { wrong: expect.stringContaining(wrong), mend: expect.stringContaining(mend) },
    ]);
  });
});
