import type { Cluster } from 'kafkajs';
import type { Clock } from '../clock.ts';

/** The part of KafkaJS's broker that its types leave out. */
interface Coordinator {
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

const ATTEMPTS = 10;
const PAUSE_MS = 200;

/**
 * Removes a dead client's member from its group. Otherwise, after a broker's restart, the group would wait a whole
 * session time-out for that member, and nobody would get a partition.
 */
export async function dismissMember(cluster: Cluster, groupId: string, memberId: string, clock: Clock): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      const coordinator = await cluster.findGroupCoordinator({ groupId });
      await (coordinator as unknown as Coordinator).leaveGroup({ groupId, memberId });
      return;
    } catch (error) {
      // A coordinator that has just started is still loading its groups: try again. After any other error the member is
      // gone already, or the session time-out removes it.
      if (!isLoading(error)) return;
      await clock.sleep(PAUSE_MS);
    }
  }
}

const LOADING = new Set(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE']);

function isLoading(error: unknown): boolean {
  return error instanceof Error && 'type' in error && LOADING.has(String(error.type));
}
