import { expect, it } from '@jest/globals';
import { kafkaTopicConfig } from '@shop/chassis';
import { allTopics } from '../contracts/index.ts';
import { RUN_SETTINGS } from './settings.ts';

it('when topics have as many partitions as may be set, then a group that hears all of them takes them all at once', () => {
  const most = kafkaTopicConfig.KAFKA_PARTITIONS;
  const topics = allTopics().filter((topic) => !topic.endsWith('.dlq'));
  const tooMany = Math.floor(RUN_SETTINGS.partitionsConsumedConcurrently / topics.length) + 1;
  expect(most.safeParse(tooMany).success).toBe(false);
  expect(most.safeParse(24).success).toBe(true);
});
