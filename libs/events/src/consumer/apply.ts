import type { Message, ReadableMessage } from '../codec/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import type { Applied } from '../metrics.ts';
import {
  canPark,
  type DeadLetterEntry,
  deadLetter,
  eventIdOf,
  type MessagingStore,
  mirrorRow,
  parkedLetter,
} from '../store/index.ts';
import { processTraced } from '../tracing.ts';
import type { Subscription } from './subscription.ts';

/** Called for every event before its handler; a throw makes the handling of that event fail. For tests. */
export type Failpoint = (group: string, event: ReceivedEvent) => void;

/** A message whose handling failed for good, with its last error. */
export interface GuiltyMessage {
  readonly message: ReadableMessage;
  readonly error: string;
  readonly attempts: number;
}

export interface Outcome extends Applied {
  /** Of the duplicates, those that had their letter already: they say nothing of the handler. */
  readonly setAsideBefore: number;
}

export interface ApplyDeps<Tx> {
  readonly store: MessagingStore<Tx>;
  readonly subscription: Subscription<Tx, EventType>;
  readonly failpoint?: Failpoint | undefined;
  readonly now: () => Date;
  /** Called last in the transaction of `applyMessages`, e.g. to write progress together with the applied messages. */
  readonly finish?: ((tx: Tx, outcome: Applied) => Promise<void>) | undefined;
}

/**
 * Applies messages in ONE transaction, all or nothing. Locks are taken in this order, everywhere: the keys' rows in
 * `parked_key` (sorted), rows in `dead_letter`, the ids in `processed_event` (sorted), then the handler's own rows, in
 * the order that its service's store names.
 * Rows of the outbox are only inserted: nobody waits for them.
 *
 * For a parked key the redriver also claims the ids of discarded letters before it locks a letter. That is safe: both
 * take the key's row in `parked_key` first, so nobody else is at its letters or ids meanwhile.
 */
export function applyMessages<Tx>(deps: ApplyDeps<Tx>, messages: readonly Message[]): Promise<Outcome> {
  return processTraced(deps.subscription.group, messages, (traced) => applyNow(deps, traced));
}

function applyNow<Tx>(deps: ApplyDeps<Tx>, messages: readonly Message[]): Promise<Outcome> {
  const { store, subscription, failpoint } = deps;
  const { group } = subscription;
  return store.transaction(async (tx) => {
    const parkedKeys = await lockParked(deps, tx, messages);
    const { events, letters } = await separate(deps, tx, messages, parkedKeys);
    const written = await writeLetters(deps, tx, letters);
    const fresh = await claimFresh(deps, tx, events);
    if (failpoint) for (const event of fresh) failpoint(group, event);
    if (fresh.length > 0) await subscription.handle(tx, fresh);
    const outcome = { ...written, applied: fresh.length, duplicate: 0 };
    outcome.duplicate = messages.length - fresh.length - written.parked - written.deadLettered;
    await deps.finish?.(tx, outcome);
    return outcome;
  });
}

/** Another member has applied an event meanwhile that failed here. Applied again, it is a duplicate. */
export class AppliedMeanwhileError extends Error {
  override readonly name = 'AppliedMeanwhileError';
}

/**
 * Writes the guilty messages to the dead letters and parks their keys, with the messages waiting behind, in order.
 * Copies of applied events that wait behind are dropped.
 * @param finish called last in the transaction, with the outcome of these messages, which is also returned
 * @throws AppliedMeanwhileError, having written nothing
 */
export async function buryMessages<Tx>(
  deps: ApplyDeps<Tx>,
  guilty: readonly GuiltyMessage[],
  behind: readonly Message[],
  finish: (tx: Tx, outcome: Applied) => Promise<void>,
): Promise<Outcome> {
  return deps.store.transaction(async (tx) => {
    const parked = await lockParked(deps, tx, [...guilty.map((entry) => entry.message), ...behind]);
    // A process that was frozen goes on with its last batch. Its successor may have applied an event that failed here:
    // a dead letter of it would keep its key waiting for an operator.
    const failed = guilty.map(({ message }) => message);
    const applied = await findApplied(deps, tx, [...failed, ...behind].map(eventIdOf));
    const before = failed.find((message) => isApplied(message, applied));
    if (before) throw new AppliedMeanwhileError(`${before.event.id} was applied by another member`);
    const letters = guilty.map(({ message, error, attempts }) =>
      // Another topic's message of this key may have become a dead letter meanwhile: then this message is parked behind
      // it.
      message.record.key !== null && parked.has(message.record.key)
        ? parkedLetter(message)
        : deadLetter(message, 'HANDLER_ERROR', error, attempts),
    );
    const waiting = behind.filter((message) => !isApplied(message, applied));
    const written = await writeLetters(deps, tx, [...letters, ...waiting.map(parkedLetter)]);
    const duplicate = guilty.length + behind.length - written.parked - written.deadLettered;
    const outcome = { ...written, applied: 0, duplicate };
    await finish(tx, outcome);
    return outcome;
  });
}

/**
 * Picks the messages that need no letter any more: each has its own, or its event was applied. So it is where a batch
 * comes again whose transaction was committed and whose offset was not.
 */
export async function findSettled<Tx>(
  deps: ApplyDeps<Tx>,
  messages: readonly Message[],
): Promise<ReadonlySet<Message>> {
  const { store, subscription } = deps;
  const entries = messages.map((message) => ({ message, record: message.record, eventId: eventIdOf(message) }));
  return store.transaction(async (tx) => {
    const applied = await findApplied(deps, tx, messages.map(eventIdOf));
    const written = new Set(await store.lettered(tx, subscription.group, entries));
    const settled = entries.filter((entry) => written.has(entry) || isApplied(entry.message, applied));
    return new Set(settled.map(({ message }) => message));
  });
}

/** Whether later messages of a dead letter's key wait behind it. */
export function parks(subscription: Pick<Subscription<never>, 'parks'>): boolean {
  return subscription.parks ?? true;
}

async function lockParked<Tx>(
  { store, subscription }: ApplyDeps<Tx>,
  tx: Tx,
  messages: readonly Message[],
): Promise<Set<string>> {
  if (!parks(subscription)) return new Set();
  return new Set(await store.lockParkedKeys(tx, subscription.group, keysOf(messages)));
}

function keysOf(messages: readonly Message[]): string[] {
  const keys = new Set<string>();
  for (const { record } of messages) if (record.key !== null) keys.add(record.key);
  return [...keys].sort();
}

interface Separated {
  readonly events: readonly ReceivedEvent[];
  readonly letters: readonly DeadLetterEntry[];
}

/**
 * Separates the messages, each kind in their order. Messages of parked keys are parked, unreadable ones are
 * dead-lettered at once (and park their key where the group parks), the rest is handled. What would be set aside though
 * its event was applied is dropped, whatever its bytes are: a late copy must not keep its key waiting for an operator.
 */
async function separate<Tx>(
  deps: ApplyDeps<Tx>,
  tx: Tx,
  messages: readonly Message[],
  parkedKeys: ReadonlySet<string>,
): Promise<Separated> {
  const sort = (applied: ReadonlySet<string>) => sortOut(messages, parkedKeys, applied, parks(deps.subscription));
  const sorted = sort(new Set());
  // Nearly always nothing is set aside, and the inbox is not asked.
  const applied = await findApplied(
    deps,
    tx,
    sorted.letters.map((letter) => letter.eventId),
  );
  return applied.size > 0 ? sort(applied) : sorted;
}

function sortOut(
  messages: readonly Message[],
  parkedKeys: ReadonlySet<string>,
  applied: ReadonlySet<string>,
  parking: boolean,
): Separated {
  const events: ReceivedEvent[] = [];
  const letters: DeadLetterEntry[] = [];
  const parked = new Set(parkedKeys);
  // Also those that this transaction applies.
  const known = new Set(applied);
  for (const message of messages) {
    const { key } = message.record;
    const waits = key !== null && parked.has(key);
    if (message.event && !waits) {
      events.push(message.event);
      known.add(message.event.id);
    } else if (isApplied(message, known)) continue;
    else if (waits) letters.push(parkedLetter(message));
    else if (!message.event) {
      letters.push(deadLetter(message, 'UNDECODABLE', message.error, 1));
      if (parking && canPark(key)) parked.add(key);
    }
  }
  return { events, letters };
}

/** Picks the ids that the group has applied before this transaction. Locks nothing. */
async function findApplied<Tx>(
  { store, subscription }: ApplyDeps<Tx>,
  tx: Tx,
  ids: readonly (string | null)[],
): Promise<ReadonlySet<string>> {
  const known = [...new Set(ids.filter((id) => id !== null))];
  return known.length > 0 ? await store.applied(tx, subscription.group, known) : new Set();
}

function isApplied(message: Message, applied: ReadonlySet<string>): boolean {
  const id = eventIdOf(message);
  return id !== null && applied.has(id);
}

async function claimFresh<Tx>(deps: ApplyDeps<Tx>, tx: Tx, events: readonly ReceivedEvent[]): Promise<ReceivedEvent[]> {
  const byId = new Map<string, ReceivedEvent>();
  for (const event of events) if (!byId.has(event.id)) byId.set(event.id, event);
  if (byId.size === 0) return [];
  const claimed = await deps.store.claim(tx, deps.subscription.group, [...byId.keys()].sort(), deps.now());
  return [...byId.values()].filter((event) => claimed.has(event.id));
}

/**
 * Writes letters, and a mirror of each dead one. What comes again and has its letter is not mirrored again: a halted
 * partition comes every few seconds. @returns how many letters were new, and how many were not
 */
async function writeLetters<Tx>(
  { store, subscription, now }: ApplyDeps<Tx>,
  tx: Tx,
  letters: readonly DeadLetterEntry[],
): Promise<Omit<Outcome, 'applied' | 'duplicate'>> {
  if (letters.length === 0) return { parked: 0, deadLettered: 0, setAsideBefore: 0 };
  const { group } = subscription;
  const fresh = await store.writeDeadLetters(tx, group, letters, now(), parks(subscription));
  const dead = fresh.filter((letter) => letter.status === 'DEAD');
  const mirrors = dead.map((letter) => mirrorRow(group, letter));
  if (mirrors.length > 0) await store.appendOutbox(tx, mirrors);
  return {
    parked: fresh.length - dead.length,
    deadLettered: dead.length,
    setAsideBefore: letters.length - fresh.length,
  };
}
