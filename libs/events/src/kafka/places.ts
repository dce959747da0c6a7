import kafkajs, { type Admin, type Cluster, type Kafka } from 'kafkajs';
import { INBOX_RETENTION_DAYS } from '../store/index.ts';
import { committedOffsets, logRanges, offsetsSince } from './offsets.ts';

/** A day less than the inbox remembers: it forgets meanwhile. */
const REMEMBERED_MS = (INBOX_RETENTION_DAYS - 1) * 86_400_000;

/** Where a group stands in one partition, and what the log holds there. */
export interface GroupPlace {
  readonly topic: string;
  readonly partition: number;
  /** First and next offset of the log. */
  readonly low: bigint;
  readonly high: bigint;
  /** The next offset the group will read; undefined if there is no commit. */
  readonly committed: bigint | undefined;
  /**
   * The first record that is young enough for its id to be in the inbox, if a group that starts at the log's beginning
   * applied it before; `high` when there is none.
   */
  readonly remembered: bigint;
}

/** A place that the log no longer holds: the group may have lost messages there. */
export interface LostPlace extends GroupPlace {
  /** Where the group can go on without applying anything twice, once the lost events were brought to it. */
  readonly next: bigint;
  readonly words: string;
}

/**
 * The places from which a group cannot simply go on; KafkaJS would continue from elsewhere without a word.
 *
 * A committed offset outside of the log is lost: retention has removed the records, or the log was cut or made anew. So
 * is the place of a group without a commit whose inbox shows that it has worked before, unless the log still holds all
 * it ever held: from there the inbox drops what was applied, as far as it reaches back. A topic of which a group has no
 * commit at all, while it has some of others, is one that the group begins to hear: it starts at the log's beginning.
 * @param isKnown whether the group's inbox holds anything
 * @param beyond committed offsets by `topic/partition` that were once beyond the log's end: they stay lost however far
 * the log grows, since the records that stand there now are others
 */
export function lostAmong(
  places: readonly GroupPlace[],
  isKnown: boolean,
  beyond: ReadonlyMap<string, bigint> = new Map(),
): LostPlace[] {
  const heard = new Set(places.filter((place) => place.committed !== undefined).map((place) => place.topic));
  return places.flatMap((place) => {
    const { topic, partition, low, high, committed, remembered } = place;
    const name = `${topic}/${partition}`;
    const holds = `the log holds ${low} to ${high}`;
    const safe = remembered > low ? remembered : low;
    if (committed === undefined) {
      const isNew = !isKnown || (heard.size > 0 && !heard.has(topic));
      if (isNew || (low === 0n && safe === 0n)) return [];
      const why = low === 0n ? `the inbox remembers nothing before ${safe}` : 'its beginning is gone';
      return [{ ...place, next: safe, words: `${name}: no offset is committed, ${holds}, and ${why}` }];
    }
    if (committed >= low && committed <= high && beyond.get(name) !== committed) return [];
    const next = committed < low ? low : safe;
    return [{ ...place, next, words: `${name}: committed ${committed}, ${holds}` }];
  });
}

/** Where the group stands in each partition of these topics. */
export async function groupPlaces(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
  now: number,
): Promise<GroupPlace[]> {
  const committed = new Map(
    (await committedOffsets(admin, groupId, topics)).map((it) => [`${it.topic}/${it.partition}`, it.offset]),
  );
  const places: GroupPlace[] = [];
  for (const topic of topics) {
    const ranges = await logRanges(admin, topic);
    const young = await offsetsSince(admin, topic, now - REMEMBERED_MS);
    const youngest = new Map(young.map(({ partition, offset }) => [partition, offset]));
    for (const { partition, low, high } of ranges) {
      const offset = committed.get(`${topic}/${partition}`);
      places.push({
        ...{ topic, partition, low: BigInt(low), high: BigInt(high) },
        committed: offset === undefined ? undefined : BigInt(offset),
        remembered: BigInt(youngest.get(partition) ?? high),
      });
    }
  }
  return places;
}

/** The part of KafkaJS's broker that its types leave out. */
interface Coordinator {
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: { topic: string; partitions: { partition: number; offset: string; metadata: string | null }[] }[];
  }): Promise<unknown>;
}

/** An offset for a group to go on from. */
export interface NewPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/**
 * Commits these offsets for a group without members. The broker refuses it while a member has joined, so a running
 * group is never moved. KafkaJS's own `setOffsets` joins the group, and takes five seconds.
 */
export async function commitFor(kafka: Kafka, groupId: string, places: readonly NewPlace[]): Promise<void> {
  let cluster: Cluster | undefined;
  const consumer = kafka.consumer({
    groupId,
    // KafkaJS hands its cluster out here only. Nothing is assigned: this consumer never joins.
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return kafkajs.PartitionAssigners.roundRobin(config);
      },
    ],
  });
  await consumer.connect();
  try {
    if (!cluster) throw new Error('KafkaJS is not the version that is known (2.2.4)');
    await commitAt(await cluster.findGroupCoordinator({ groupId }), groupId, places);
  } finally {
    await consumer.disconnect();
  }
}

async function commitAt(coordinator: unknown, groupId: string, places: readonly NewPlace[]): Promise<void> {
  const topics = [...Map.groupBy(places, (place) => place.topic)].map(([topic, own]) => ({
    topic,
    partitions: own.map(({ partition, offset }) => ({ partition, offset: String(offset), metadata: null })),
  }));
  const nobody = { groupGenerationId: -1, memberId: '' };
  await (coordinator as Coordinator).offsetCommit({ groupId, ...nobody, topics });
}
