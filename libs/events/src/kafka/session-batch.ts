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
  /** Offsets behind markers of transactions that this session has passed, by partition. */
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

function isStale({ stopping, membership }: SessionWork, payload: EachBatchPayload): boolean {
  return stopping.aborted || membership.lostBy() !== undefined || !payload.isRunning() || payload.isStale();
}

function resolveOffsets(
  { paused, positions, committer }: SessionWork,
  { batch, resolveOffset }: EachBatchPayload,
): void {
  const name = `${batch.topic}/${batch.partition}`;
  paused.forget(name);
  const last = batch.messages.at(-1)?.offset ?? batch.lastOffset();
  resolveOffset(last);
  if (positions) positions.set(name, (BigInt(last) + 1n).toString());
  else committer.request();
}
