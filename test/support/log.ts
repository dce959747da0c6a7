import type { Stack } from '../../deploy/local/stack.ts';
import { createClient } from '../../libs/events/src/kafka/index.ts';
import { silentLogger } from '../../libs/events/src/log.ts';

type Admin = ReturnType<ReturnType<typeof createClient>['admin']>;

async function administer(stack: Stack, work: (admin: Admin) => Promise<unknown>): Promise<void> {
  const brokers = (stack.env.KAFKA_BROKERS ?? '').split(',');
  const admin = createClient({ brokers, clientId: 'test', logger: silentLogger }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Removes every record of these topics, as retention does: their partitions begin at their present end. */
export function cutLog(stack: Stack, topics: readonly string[]): Promise<void> {
  return administer(stack, async (admin) => {
    for (const topic of topics) {
      const ends = await admin.fetchTopicOffsets(topic);
      const partitions = ends.flatMap(({ partition, low, high }) =>
        low === high ? [] : [{ partition, offset: high }],
      );
      if (partitions.length > 0) await admin.deleteTopicRecords({ topic, partitions });
    }
  });
}

/** Forgets the offsets of a group that nobody has joined, as the broker does when they expire. */
export function forgetOffsets(stack: Stack, group: string): Promise<void> {
  return administer(stack, (admin) => admin.deleteGroups([group]));
}

/** Deletes every topic of the shop, with all its records: the broker forgets the groups' offsets with them. */
export function deleteTopics(stack: Stack): Promise<void> {
  return administer(stack, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
    await admin.deleteTopics({ topics });
  });
}
