import kafkajs, { type Cluster, type GroupMember, type PartitionAssigner } from 'kafkajs';
import { type AssignedMember, type Assignment, assignPartitions } from './assignment.ts';
import { TableReplacedError } from './offsets.ts';

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

/** How often the table of topics is asked for before a join fails. */
const LOOKS = 4;

/**
 * Another member may hear a topic that this one, which happens to lead the group, does not. A topic that the table
 * lacks for a moment is looked for again: dealt without partitions, nobody would read it until the next join.
 * @throws TableReplacedError
 */
async function partitionsOf(cluster: Cluster, topics: string[]): Promise<Map<string, number[]>> {
  await cluster.addMultipleTargetTopics(topics);
  for (let look = 1; ; look += 1) {
    const found = new Map(topics.map((topic) => [topic, partitionsIn(cluster, topic)]));
    const unknown = topics.find((topic) => found.get(topic)?.length === 0);
    if (unknown === undefined) return found;
    if (look === LOOKS) throw new TableReplacedError(unknown);
    await cluster.refreshMetadata();
  }
}

function partitionsIn(cluster: Cluster, topic: string): number[] {
  const ids = cluster.findTopicPartitionMetadata(topic).map((it) => it.partitionId);
  return ids.toSorted((a, b) => a - b);
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

/** The partitions, by topic, of a member of a group, as the broker tells them; none for one that has no part. */
export function readAssignment(memberAssignment: Buffer): Readonly<Record<string, readonly number[]>> {
  return memberAssignment.length === 0 ? {} : (MemberAssignment.decode(memberAssignment)?.assignment ?? {});
}
