import type { EachBatchPayload } from 'kafkajs';
import type { ConsumeOptions, RecordBatch } from '../broker.ts';
import { atMost, type Clock } from '../clock.ts';
import type { BatchesAtWork } from './batches-at-work.ts';
import type { Committer } from './committer.ts';
import type { Membership } from './membership.ts';
import type { PausedPartitions } from './paused-partitions.ts';
import { toRecord } from './records.ts';

/** Shared by the batches of one session. */
export interface SessionWork {
  readonly consume: ConsumeOptions;
  readonly membership: Membership;
  readonly atWork: BatchesAtWork;
  readonly paused: PausedPartitions;
  readonly committer: Committer;
  /** The partitions (`topic/partition`) of the last join: the broker takes commits of others, too, from any member. */
  readonly owned: { names: ReadonlySet<string> };
  /** Offsets behind markers of transactions that this session has passed since the last join, by partition. */
  readonly markers: Map<string, { readonly topic: string; readonly partition: number; readonly offset: string }>;
  /** The commit of where partitions begin, since the last join; all other commits come after it. */
  readonly starts: { committed: Promise<void> };
  readonly positions: Map<string, string> | undefined;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/** The `eachBatch` of KafkaJS: hands one partition's batch over, and resolves its offsets once it is applied. */
export async function handleBatch(work: SessionWork, payload: EachBatchPayload): Promise<void> {
  const { consume, membership, atWork, paused, committer, clock, stopping } = work;
  if (stopping.aborted) return;
  atWork.begin(payload);
  try {
    await consume.onBatch(toBatch(work, payload));
    resolveOffsets(work, payload);
  } catch (error) {
    if (!isStale(work, payload)) paused.pause(payload, error);
  } finally {
    membership.signOfLife();
    atWork.end(payload);
  }
  const cause = membership.lostBy();
  if (!cause) return;
  // The throw makes the member rejoin now rather than at the next heartbeat. Applied offsets are committed before.
  await atMost(clock, 1_000, committer.flush());
  if (atWork.none()) membership.handedOver();
  throw cause;
}

function toBatch(work: SessionWork, payload: EachBatchPayload): RecordBatch {
  const { topic, partition, messages } = payload.batch;
  return {
    topic,
    partition,
    records: messages.map((message) => toRecord(topic, partition, message)),
    isStale: () => isStale(work, payload),
    heartbeat: () => work.membership.heartbeat(payload),
  };
}

function isStale(work: SessionWork, payload: EachBatchPayload): boolean {
  const { stopping, membership } = work;
  if (stopping.aborted || membership.lostBy() !== undefined || !isOwned(work, payload)) return true;
  return !payload.isRunning() || payload.isStale();
}

/** False where the group was joined anew meanwhile, for a change of brokers say, and the partition given away. */
function isOwned({ owned }: SessionWork, { batch: { topic, partition } }: EachBatchPayload): boolean {
  return owned.names.has(`${topic}/${partition}`);
}

function resolveOffsets(work: SessionWork, payload: EachBatchPayload): void {
  const { paused, positions, committer } = work;
  const { batch, resolveOffset } = payload;
  const name = `${batch.topic}/${batch.partition}`;
  paused.forget(name);
  if (!isOwned(work, payload)) return;
  const last = batch.messages.at(-1)?.offset ?? batch.lastOffset();
  resolveOffset(last);
  if (positions) positions.set(name, (BigInt(last) + 1n).toString());
  else committer.request();
}
