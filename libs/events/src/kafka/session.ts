import kafkajs, { type Cluster, type Consumer, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { ConsumeOptions, RecordBatch } from '../broker.ts';
import { atMost, type Clock, createBackoff } from '../clock.ts';
import { describe } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import { createCommitter } from './committer.ts';
import { dismissMember } from './former-member.ts';
import { controlFetches } from './patches.ts';
import { toRecord } from './records.ts';
import { CONSUMER_SETTINGS, createFetchWaits, HEARTBEAT_MS, isLostMembership, RUN_SETTINGS } from './settings.ts';

/** Without a sign of life from KafkaJS for this long, and nothing in our hands, the client is rebuilt. */
const SILENCE_MS = 30_000;

export interface SessionOptions {
  readonly kafka: Kafka;
  readonly consume: ConsumeOptions;
  readonly logger: EventLogger;
  readonly clock: Clock;
  /** Where to start each partition (`topic/partition` → offset), kept up to date; only for groups that never commit. */
  readonly positions: Map<string, string> | undefined;
  /** This process's member of the session before, which may still count as alive. */
  readonly formerMember: string | undefined;
  readonly onJoin: (memberId: string) => void;
}

/** One KafkaJS consumer from its start to its crash or stop. */
export interface Session {
  /** Resolves with the reason when the client has died. It does not come back by itself. */
  readonly ended: Promise<Error>;
  /** Waits for the batches at work, commits, leaves the group. */
  stop(): Promise<void>;
  /** Throws the client away. */
  abandon(): void;
}

/** Starts to consume. Rejects if the client cannot even be started. */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { kafka, consume, logger, clock, positions, formerMember, onJoin } = options;
  const { groupId, topics, fromBeginning, patienceMs } = consume;
  let cluster: Cluster | undefined;
  const consumer = kafka.consumer({
    groupId,
    ...CONSUMER_SETTINGS,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        controlFetches(cluster, () => createFetchWaits(patienceMs));
        return kafkajs.PartitionAssigners.roundRobin(config);
      },
    ],
  });

  const ended = Promise.withResolvers<Error>();
  const pauses = new Map<string, { backoff: ReturnType<typeof createBackoff>; timer?: NodeJS.Timeout }>();
  const atWork = new Set<EachBatchPayload>();
  let idle = Promise.withResolvers<void>();
  let rebalance: Error | undefined;
  let stopping = false;
  let lastSign = clock.now();
  let latest: EachBatchPayload | undefined;

  const committer = createCommitter(async () => {
    const offsets = latest?.uncommittedOffsets();
    if (offsets && offsets.topics.length > 0) await latest?.commitOffsetsIfNecessary(offsets);
  }, clock);

  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    if (stopping) return;
    const { topic, partition, messages } = payload.batch;
    atWork.add(payload);
    pulse ??= setTimeout(beat, HEARTBEAT_MS);
    latest = payload;
    try {
      await consume.onBatch(toBatch(payload));
      pauses.delete(`${topic}/${partition}`);
      const last = messages.at(-1)?.offset ?? payload.batch.lastOffset();
      payload.resolveOffset(last);
      if (positions) positions.set(`${topic}/${partition}`, (BigInt(last) + 1n).toString());
      else committer.request();
    } catch (error) {
      if (!isStale(payload)) pausePartition(payload, error);
    } finally {
      atWork.delete(payload);
      lastSign = clock.now();
      if (atWork.size === 0) idle.resolve();
    }
    const cause = rebalance;
    if (!cause) return;
    // Rejoin now rather than at the next heartbeat, but not before what was applied is committed.
    await atMost(clock, 1_000, committer.flush());
    if (atWork.size === 0) rebalance = undefined;
    throw cause;
  }

  function isStale(payload: EachBatchPayload): boolean {
    return stopping || rebalance !== undefined || !payload.isRunning() || payload.isStale();
  }

  function toBatch(payload: EachBatchPayload): RecordBatch {
    const { topic, partition, messages } = payload.batch;
    return {
      topic,
      partition,
      records: messages.map((message) => toRecord(topic, partition, message)),
      isStale: () => isStale(payload),
      heartbeat: () => heartbeat(payload),
    };
  }

  async function heartbeat(payload: EachBatchPayload): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      // Anything else, a lost connection say, does not end the membership; time may, and the next heartbeat tells.
      if (error instanceof Error && isLostMembership(error)) rebalance = error;
      throw error;
    }
  }

  /** The port's "again, after a pause": other partitions go on meanwhile. */
  function pausePartition({ batch: { topic, partition }, pause }: EachBatchPayload, error: unknown): void {
    const entry = pauses.get(`${topic}/${partition}`) ?? { backoff: createBackoff(200, 15_000) };
    const ms = entry.backoff.next();
    logger.warn({ groupId, topic, partition, ms, error: describe(error) }, 'batch given back; it comes again');
    entry.timer = setTimeout(pause(), ms);
    pauses.set(`${topic}/${partition}`, entry);
  }

  // While a transaction takes long, nobody else keeps the membership alive. One timer through bursts of short ones.
  let pulse: NodeJS.Timeout | undefined;
  function beat(): void {
    const [payload] = atWork;
    pulse = payload && setTimeout(beat, HEARTBEAT_MS);
    if (payload && !rebalance) void heartbeat(payload).catch(() => {});
  }
  const watch = setInterval(() => {
    if (atWork.size === 0 && clock.now() - lastSign > SILENCE_MS)
      ended.resolve(new Error(`no sign of life for ${SILENCE_MS} ms`));
  }, SILENCE_MS / 6);

  const { GROUP_JOIN, FETCH_START, FETCH, HEARTBEAT, CRASH } = consumer.events;
  for (const event of [FETCH_START, FETCH, HEARTBEAT] as const) {
    consumer.on(event, () => {
      lastSign = clock.now();
    });
  }
  consumer.on(CRASH, ({ payload }) => ended.resolve(payload.error));
  consumer.on(GROUP_JOIN, ({ payload }) => {
    lastSign = clock.now();
    rebalance = undefined;
    logger.debug({ groupId, assignment: payload.memberAssignment }, 'joined the group');
    if (positions) seekAll(consumer, payload.memberAssignment, positions);
    onJoin(payload.memberId);
  });

  function close(): void {
    clearTimeout(pulse);
    clearInterval(watch);
    committer.stop();
    for (const { timer } of pauses.values()) clearTimeout(timer);
  }

  try {
    await consumer.connect();
    if (cluster && formerMember) await dismissMember(cluster, groupId, formerMember, clock);
    await consumer.subscribe({ topics: [...topics], fromBeginning });
    await consumer.run({ ...RUN_SETTINGS, eachBatch });
  } catch (error) {
    close();
    void consumer.disconnect().catch(() => {});
    throw error;
  }

  return {
    ended: ended.promise,
    async stop() {
      stopping = true;
      idle = Promise.withResolvers();
      if (atWork.size > 0) await idle.promise;
      await atMost(clock, 2_000, committer.flush());
      close();
      await atMost(clock, 5_000, consumer.disconnect());
    },
    abandon() {
      stopping = true;
      close();
      void consumer.disconnect().catch(() => {});
    },
  };
}

function seekAll(consumer: Consumer, assignment: Record<string, number[]>, positions: Map<string, string>): void {
  for (const [topic, partitions] of Object.entries(assignment)) {
    for (const partition of partitions) {
      const offset = positions.get(`${topic}/${partition}`);
      if (offset !== undefined) consumer.seek({ topic, partition, offset });
    }
  }
}
