import type { RecordBatch } from '../broker.ts';
import { type Codec, type Interest, isForOthers, type Message, readMessage } from '../codec/index.ts';
import type { Place, SetAsidePermit } from '../store/index.ts';

/** A partition's batch held by the consumer: its decoded messages and how many of them are committed. */
export interface PendingBatch {
  readonly batch: RecordBatch;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Undefined until decoded. */
  messages: readonly Message[] | undefined;
  /** Messages before this index are committed. */
  done: number;
}

/** The part of one batch that goes into a transaction. */
export interface Share {
  readonly pending: PendingBatch;
  readonly messages: readonly Message[];
  /** Lets the share set aside its unreadable messages though there are too many of them. */
  readonly permit?: SetAsidePermit;
  /** All that is unreadable in it was set aside or applied before: it says nothing of the registry. */
  readonly comesAgain?: boolean;
}

export const partitionName = ({ topic, partition }: Place): string => `${topic}/${partition}`;

/** Decodes this group's messages. @returns how many records were for others. Rejects for an outage: call it again. */
export async function decodeBatch(
  pending: PendingBatch,
  codec: Pick<Codec, 'decode'>,
  interest: Interest,
): Promise<number> {
  const messages: Message[] = [];
  let skipped = 0;
  for (const record of pending.batch.records) {
    if (isForOthers(record, interest)) skipped += 1;
    else messages.push(await readMessage(record, codec));
  }
  pending.messages = messages;
  return skipped;
}

/**
 * The next transaction's messages: all decoded ones that wait, up to `limit`, in order of arrival. A batch of a
 * `halted` partition goes last and alone: its failure must not cost the others another attempt.
 */
export function takeShares(queue: readonly PendingBatch[], limit: number, halted: ReadonlySet<string>): Share[] {
  const shares: Share[] = [];
  let room = limit;
  for (const pending of queue) {
    if (room === 0) break;
    if (halted.has(partitionName(pending.batch))) continue;
    const share = shareOf(pending, room);
    if (share.messages.length > 0) shares.push(share);
    room -= share.messages.length;
  }
  if (shares.length > 0) return shares;
  const last = queue.map((pending) => shareOf(pending, limit)).find((share) => share.messages.length > 0);
  return last ? [last] : [];
}

function shareOf(pending: PendingBatch, room: number): Share {
  return { pending, messages: pending.messages?.slice(pending.done, pending.done + room) ?? [] };
}

/** Counts the messages whose schema the registry does not know, or knows as another event's. */
export function schemaFaults({ messages }: Share): number {
  return messages.filter((message) => !message.event && message.schemaFault).length;
}

/** The messages that will be set aside unread, unless they were before. */
export function unreadable({ messages }: Share): Message[] {
  return messages.filter((message) => !message.event);
}

export function isFinished(pending: PendingBatch): boolean {
  return pending.messages !== undefined && pending.done >= pending.messages.length;
}

/** The timestamp of each batch's first message that is not applied, ms since the epoch. */
export function* oldestOf(queue: readonly PendingBatch[]): Generator<number> {
  for (const pending of queue) {
    if (isFinished(pending)) continue;
    const record = pending.messages?.[pending.done]?.record ?? pending.batch.records[0];
    if (record) yield record.timestamp;
  }
}
