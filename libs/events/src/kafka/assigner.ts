import kafkajs, { type Cluster, type GroupMember, type PartitionAssigner } from 'kafkajs';
import { type AssignedMember, type Assignment, assignPartitions } from './assignment.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** Its name in the group's protocol. Members of an older release do not offer it: the group then deals as they do. */
export const ASSIGNER_NAME = 'shop-by-partition';

const VERSION = 0;

/**
 * The assigner of `assignPartitions`. A member says with each join what it had before.
 * @param owned what this member had until now
 */
export function createAssigner(owned: () => Assignment): PartitionAssigner {
  return ({ cluster }) => ({
    name: ASSIGNER_NAME,
    version: VERSION,
    protocol({ topics }) {
      const userData = Buffer.from(JSON.stringify(owned()));
      return { name: ASSIGNER_NAME, metadata: MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
    async assign({ members }) {
      const asking = members.map(toMember);
      const partitions = await partitionsOf(cluster, [...new Set(asking.flatMap((member) => member.topics))]);
      return [...assignPartitions(asking, partitions)].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          // KafkaJS's types want arrays that may be written to.
          assignment: Object.fromEntries(Object.entries(assignment).map(([topic, all]) => [topic, [...all]])),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

/** Another member may hear a topic that this one, which happens to lead the group, does not. */
async function partitionsOf(cluster: Cluster, topics: string[]): Promise<Map<string, number[]>> {
  await cluster.addMultipleTargetTopics(topics);
  return new Map(
    topics.map((topic) => [
      topic,
      cluster
        .findTopicPartitionMetadata(topic)
        .map((it) => it.partitionId)
        .toSorted((a, b) => a - b),
    ]),
  );
}

function toMember({ memberId, memberMetadata }: GroupMember): AssignedMember {
  const { topics = [], userData } = MemberMetadata.decode(memberMetadata) ?? {};
  return { id: memberId, topics, owned: userData ? readOwned(userData) : {} };
}

/** A claim that cannot be read is none: its partitions may move, and nothing else follows. */
function readOwned(userData: Buffer): Assignment {
  try {
    const claims: unknown = JSON.parse(userData.toString());
    if (typeof claims !== 'object' || claims === null) return {};
    return Object.fromEntries(
      Object.entries(claims).map(([topic, all]) => [topic, Array.isArray(all) ? all.filter(Number.isInteger) : []]),
    );
  } catch {
    return {};
  }
}
