import kafkajs, { type Cluster, type Consumer, type Kafka, type TopicPartitionOffset } from 'kafkajs';
import type { ConsumeOptions } from '../broker.ts';
import { atMost, type Clock, WOKEN } from '../clock.ts';
import { describe } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import { createAssigner } from './assigner.ts';
import type { Assignment } from './assignment.ts';
import { createBatchesAtWork } from './batches-at-work.ts';
import { createCommitter } from './committer.ts';
import { dismissMember } from './former-member.ts';
import { createMembership } from './membership.ts';
import { controlFetches } from './patches.ts';
import { createPausedPartitions } from './paused-partitions.ts';
import { handleBatch, type SessionWork } from './session-batch.ts';
import { CONSUMER_SETTINGS, createFetchWaits, RUN_SETTINGS } from './settings.ts';

/**
 * Without a sign of life from KafkaJS for this long, and without a batch in our hands, the client is rebuilt; so it is
 * when offsets cannot be committed for as long.
 */
const SILENCE_MS = 30_000;
/** Longest wait of other commits for those of the partitions' starts, ms. */
const STARTS_WITHIN_MS = 5_000;

export interface SessionOptions {
  readonly kafka: Kafka;
  readonly consume: ConsumeOptions;
  readonly logger: EventLogger;
  readonly clock: Clock;
  /** Where to start each partition (`topic/partition` → offset), kept up to date; only for groups that never commit. */
  readonly positions: Map<string, string> | undefined;
  /** This process's member of the former session, which the group may still count as alive. */
  readonly formerMember: string | undefined;
  readonly onJoin: (memberId: string) => void;
  /** Where the assigned partitions (`topic/partition`) begin in which the group has no offset committed. */
  readonly startsOf: (assigned: ReadonlySet<string>) => Promise<TopicPartitionOffset[]>;
}

/** One KafkaJS consumer from its start to its crash or stop. */
export interface Session {
  /** Resolves with the reason when the client has died. The session does not recover by itself. */
  readonly ended: Promise<Error>;
  /** Waits for current batches, commits, leaves the group. */
  stop(): Promise<void>;
  /** Abandons the client without waiting. */
  abandon(): void;
}

/** Starts to consume. Rejects if the client cannot even be started. */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { consume, clock, formerMember } = options;
  const { groupId, topics, fromBeginning } = consume;
  const stopping = new AbortController();
  const ended = Promise.withResolvers<Error>();
  const { consumer, cluster } = createClient(options);
  const work = prepare(options, consumer, stopping.signal, ended.resolve);
  const { membership, atWork, paused, committer } = work;
  listen(consumer, work, options, ended.resolve);
  const grown = watchPartitions(consumer, cluster, topics);
  const watch = setInterval(() => {
    const more = grown();
    if (more) ended.resolve(new Error(more));
    if (atWork.none() && membership.silentFor() > SILENCE_MS)
      ended.resolve(new Error(`no sign of life for ${SILENCE_MS} ms`));
  }, SILENCE_MS / 6);

  function close(): void {
    atWork.stop();
    clearInterval(watch);
    committer.stop();
    paused.stop();
  }

  try {
    await consumer.connect();
    const connected = cluster();
    if (connected && formerMember) await dismissMember(connected, groupId, formerMember, clock);
    await consumer.subscribe({ topics: [...topics], fromBeginning });
    await consumer.run({ ...RUN_SETTINGS, eachBatch: (payload) => handleBatch(work, payload) });
  } catch (error) {
    close();
    void consumer.disconnect().catch(() => {});
    throw error;
  }

  return {
    ended: ended.promise,
    async stop() {
      stopping.abort(WOKEN);
      await atWork.idle();
      await atMost(clock, 2_000, Promise.all([committer.flush(), work.starts.committed]));
      close();
      await atMost(clock, 5_000, consumer.disconnect());
    },
    abandon() {
      stopping.abort(WOKEN);
      close();
      void consumer.disconnect().catch(() => {});
    },
  };
}

/**
 * KafkaJS learns of added partitions and does not join anew for them: nobody would read them until the next rebalance.
 * @returns what has grown since the group was joined, in words
 */
function watchPartitions(
  consumer: Consumer,
  cluster: () => Cluster | undefined,
  topics: readonly string[],
): () => string | undefined {
  const count = (topic: string) => {
    try {
      return cluster()?.findTopicPartitionMetadata(topic).length ?? 0;
    } catch {
      return 0; // It throws while it has no metadata.
    }
  };
  const atJoin = new Map<string, number>();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const topic of topics) atJoin.set(topic, count(topic));
  });
  return () => {
    for (const [topic, before] of atJoin) {
      const now = count(topic);
      if (before > 0 && now > before) return `${topic} has ${now} partitions now, not ${before}: joining anew`;
    }
    return undefined;
  };
}

/** Creates the KafkaJS consumer; its cluster is known once KafkaJS has passed it to the assigner. */
function createClient({ kafka, consume: { groupId, patienceMs } }: SessionOptions) {
  let cluster: Cluster | undefined;
  let owned: Assignment = {};
  const byPartition = createAssigner(() => owned);
  const consumer = kafka.consumer({
    groupId,
    ...CONSUMER_SETTINGS,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        controlFetches(cluster, () => createFetchWaits(patienceMs));
        return byPartition(config);
      },
      // Members of the release before ours know only this one. The group deals by it until the last of them has left.
      kafkajs.PartitionAssigners.roundRobin,
    ],
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    owned = payload.memberAssignment;
  });
  return { consumer, cluster: () => cluster };
}

function prepare(
  { consume, logger, clock, positions }: SessionOptions,
  consumer: Consumer,
  stopping: AbortSignal,
  end: (reason: Error) => void,
): SessionWork {
  const membership = createMembership(clock);
  const atWork = createBatchesAtWork((payload) => {
    if (!membership.lostBy()) void membership.heartbeat(payload).catch(() => {});
  });
  const owned: SessionWork['owned'] = { names: new Set() };
  const markers: SessionWork['markers'] = new Map();
  const starts: SessionWork['starts'] = { committed: Promise.resolve() };
  const committer = createCommitter(
    async () => {
      // The start of a partition is never committed behind what was read of it.
      await atMost(clock, STARTS_WITHIN_MS, starts.committed);
      // A batch commits whatever KafkaJS has passed, markers too. Without one they are all there is to commit.
      if (!(await atWork.commit())) await consumer.commitOffsets([...markers.values()]);
    },
    clock,
    (error, forMs) => {
      if (forMs > SILENCE_MS) end(new Error(`offsets are not committed for ${forMs} ms: ${describe(error)}`));
    },
  );
  const paused = createPausedPartitions(consume.groupId, logger);
  return { consume, membership, atWork, paused, committer, owned, markers, starts, positions, clock, stopping };
}

/** Follows the events of KafkaJS: signs of life, joining of the group, its crash. */
function listen(
  consumer: Consumer,
  { membership, committer, owned, markers, starts, positions, consume: { groupId, onAssigned } }: SessionWork,
  { logger, onJoin, startsOf }: SessionOptions,
  onCrash: (error: Error) => void,
): void {
  const { GROUP_JOIN, FETCH_START, FETCH, HEARTBEAT, END_BATCH_PROCESS, CRASH } = consumer.events;
  for (const event of [FETCH_START, FETCH, HEARTBEAT] as const) consumer.on(event, () => membership.signOfLife());
  consumer.on(END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset } }) => {
    // Markers of transactions and aborted records are no batch of ours. Their offsets are committed, too: else the
    // group would look behind for as long as nothing follows.
    const name = `${topic}/${partition}`;
    if (batchSize > 0 || positions || !owned.names.has(name)) return;
    markers.set(name, { topic, partition, offset: (BigInt(lastOffset) + 1n).toString() });
    committer.request();
  });
  consumer.on(CRASH, ({ payload }) => onCrash(payload.error));
  consumer.on(GROUP_JOIN, ({ payload }) => {
    membership.joined();
    logger.debug({ groupId, assignment: payload.memberAssignment }, 'joined the group');
    if (positions) seekAll(consumer, payload.memberAssignment, positions);
    const assigned = namesOf(payload.memberAssignment);
    owned.names = assigned;
    markers.clear();
    onAssigned?.(assigned);
    onJoin(payload.memberId);
    const isLast = () => owned.names === assigned;
    starts.committed = commitStarts(consumer, startsOf(assigned), isLast).catch((error: unknown) => {
      logger.warn(
        { groupId, error: describe(error) },
        'where the group begins is not committed; the next join does it',
      );
    });
  });
}

/**
 * Commits where partitions begin, unless the group was joined anew meanwhile. The broker asks only whether the member
 * is of the present generation: it would take the offset of a partition that another member owns and has read by now.
 * The later join looks for itself.
 */
async function commitStarts(
  consumer: Consumer,
  looked: Promise<TopicPartitionOffset[]>,
  isLast: () => boolean,
): Promise<void> {
  const starts = await looked;
  if (starts.length > 0 && isLast()) await consumer.commitOffsets(starts);
}

function namesOf(assignment: Record<string, number[]>): Set<string> {
  return new Set(Object.entries(assignment).flatMap(([topic, all]) => all.map((partition) => `${topic}/${partition}`)));
}

function seekAll(consumer: Consumer, assignment: Record<string, number[]>, positions: Map<string, string>): void {
  for (const [topic, partitions] of Object.entries(assignment)) {
    for (const partition of partitions) {
      // A partition that was not there at the start is read from its beginning.
      const offset = positions.get(`${topic}/${partition}`) ?? '0';
      consumer.seek({ topic, partition, offset });
    }
  }
}
