import { silentLogger } from '../log.ts';
import { createClient } from './client.ts';

/** The broker's own topics, which it keeps. */
const INTERNAL = /^__/;

/**
 * Deletes every topic and every group of a test's broker. This is quicker than a new broker, which starts cold.
 * @returns false when that cannot be done: no broker answers, or a group still has a member, such as a killed process
 */
export async function emptyBroker(brokers: string): Promise<boolean> {
  const kafka = createClient({ brokers: brokers.split(','), clientId: 'wipe', logger: silentLogger });
  const admin = kafka.admin({ retry: { retries: 2 } });
  try {
    await admin.connect();
    const { groups } = await admin.listGroups();
    if (groups.length > 0) await admin.deleteGroups(groups.map(({ groupId }) => groupId));
    const topics = (await admin.listTopics()).filter((topic) => !INTERNAL.test(topic));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    return true;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
