import type { Clock } from '../clock.ts';
import type { Message } from '../codec/index.ts';
import { describe, HandlerBrokenError } from '../errors.ts';
import type { Applied } from '../metrics.ts';
import { canPark, type SetAsidePermit } from '../store/index.ts';
import {
  AppliedMeanwhileError,
  type ApplyDeps,
  applyMessages,
  buryMessages,
  findSettled,
  type GuiltyMessage,
  type Outcome,
  parks,
} from './apply.ts';

/** Attempts at a single message before it is dead-lettered; one when so many fail that time is not what they need. */
const ATTEMPTS = 3;
/** From this many failures without a success, the handler counts as broken, not the messages: the partition halts. */
const SUSPICIOUS = 5;
/**
 * Dead letters a minute above which the handler counts as broken: the partition halts. Undecodable messages count only
 * when their schema is unknown.
 */
export const MAX_DEAD_LETTERS_A_MINUTE = 20;

/** Counts dead letters over the last minute. */
export interface DeadLetterRate {
  count(now: number): number;
  add(now: number, letters: number): void;
}

export function createDeadLetterRate(): DeadLetterRate {
  let times: number[] = [];
  return {
    count(now) {
      // Also without the letters of a later time: the database's clock may have been set back.
      times = times.filter((time) => Math.abs(now - time) < 60_000);
      return times.length;
    },
    add(now, letters) {
      for (let i = 0; i < letters; i += 1) times.push(now);
    },
  };
}

export interface IsolateDeps<Tx> extends ApplyDeps<Tx> {
  readonly clock: Clock;
  readonly rate: DeadLetterRate;
  /** Runs a transaction through outages and conflicts. Rejects with a poison error, or because the batch is stale. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
  /** True for an error that must end the isolation at once, e.g. a stale batch. */
  readonly isFinal: (error: unknown) => boolean;
  /** Called with what was committed, also when the isolation then fails: it is a duplicate the next time. */
  readonly committed?: (outcome: Applied) => void;
  /** Called last in every transaction; rejects where this process may no longer write, which undoes it. */
  readonly fence?: ((tx: Tx) => Promise<void>) | undefined;
  /** An operator's permit to set aside more messages than the limits allow. */
  readonly permit?: SetAsidePermit | undefined;
}

export interface Isolated {
  readonly outcome: Applied;
  readonly guilty: readonly GuiltyMessage[];
}

/** The state of an isolation. */
interface Work<Tx> {
  readonly deps: IsolateDeps<Tx>;
  readonly messages: readonly Message[];
  /** The messages that need no letter any more; asked for only where the guilty ones are too many. */
  settled?: ReadonlySet<Message>;
  readonly outcome: { -readonly [Count in keyof Outcome]: Outcome[Count] };
  readonly guilty: GuiltyMessage[];
  readonly guiltyKeys: Set<string>;
  /** Messages that wait behind a guilty message of their key. */
  readonly behind: Message[];
}

/**
 * Applies one partition's messages when the handler rejects some: halves them until each guilty message is alone,
 * retries it, then dead-letters it. Later messages of its key are parked, where the group parks. Everything else is
 * tried before anything is dead-lettered, so that a broken handler is recognized: then it rejects with
 * HandlerBrokenError.
 */
export async function isolate<Tx>(deps: IsolateDeps<Tx>, messages: readonly Message[]): Promise<Isolated> {
  for (;;) {
    try {
      return await isolateOnce(deps, messages);
    } catch (error) {
      // An event that others have applied is a duplicate in the next turn: each turn has fewer that can fail.
      if (!(error instanceof AppliedMeanwhileError)) throw error;
    }
  }
}

async function isolateOnce<Tx>(deps: IsolateDeps<Tx>, messages: readonly Message[]): Promise<Isolated> {
  const outcome = { applied: 0, duplicate: 0, parked: 0, deadLettered: 0, setAsideBefore: 0 };
  const work: Work<Tx> = { deps, messages, outcome, guilty: [], guiltyKeys: new Set(), behind: [] };
  try {
    await divide(work, messages);
    await buryGuilty(work);
  } finally {
    deps.committed?.(outcome);
  }
  return { outcome, guilty: work.guilty };
}

async function buryGuilty<Tx>(work: Work<Tx>): Promise<void> {
  const { deps, outcome, guilty, behind } = work;
  const last = guilty.at(-1);
  if (!last) return;
  const now = deps.clock.now();
  const exceed = (letters: number) =>
    deps.rate.count(now) + letters > MAX_DEAD_LETTERS_A_MINUTE || (succeeded(work) === 0 && letters >= SUSPICIOUS);
  const letters = exceed(guilty.length) ? await countNew(work) : guilty.length;
  const permit = exceed(letters) ? deps.permit : undefined;
  if (exceed(letters) && letters > permitted(work)) throw broken(work, last.error);
  const finish = async (tx: Tx, { deadLettered }: Applied) => {
    if (permit) await takeFrom(permit, deps, tx, deadLettered);
    await deps.fence?.(tx);
  };
  const buried = await deps.persist(() => buryMessages(deps, guilty, behind, finish));
  if (!permit) deps.rate.add(now, buried.deadLettered);
  add(outcome, buried);
}

async function divide<Tx>(work: Work<Tx>, part: readonly Message[]): Promise<void> {
  const free = part.filter((message) => {
    const waits = message.record.key !== null && work.guiltyKeys.has(message.record.key);
    if (waits) work.behind.push(message);
    return !waits;
  });
  if (free.length === 0) return;
  const failure = await attempt(work, free);
  if (failure === undefined) return;
  const [only] = free;
  if (free.length === 1 && only) {
    // No handler saw an unreadable message, so writing its dead letter failed. The message is never dropped.
    if (!only.event) throw new HandlerBrokenError(`a dead letter cannot be written: ${describe(failure)}`);
    const attempts = work.guilty.length < MAX_DEAD_LETTERS_A_MINUTE ? ATTEMPTS : 1;
    await accuse(work, { message: only, error: describe(failure), attempts });
    return;
  }
  const middle = Math.ceil(free.length / 2);
  await divide(work, free.slice(0, middle));
  await divide(work, free.slice(middle));
}

/** @returns the error, or undefined once the part is committed */
async function attempt<Tx>({ deps, outcome, guilty }: Work<Tx>, part: readonly Message[]): Promise<unknown> {
  const attempts = part.length === 1 && guilty.length < MAX_DEAD_LETTERS_A_MINUTE ? ATTEMPTS : 1;
  const finish = async (tx: Tx, applied: Applied) => {
    await deps.finish?.(tx, applied);
    await deps.fence?.(tx);
  };
  let failure: unknown;
  for (let n = 1; n <= attempts; n += 1) {
    if (n > 1) await deps.clock.sleep(25 * 4 ** (n - 2));
    try {
      add(outcome, await deps.persist(() => applyMessages({ ...deps, finish }, part)));
      return undefined;
    } catch (error) {
      if (deps.isFinal(error)) throw error;
      failure = error;
    }
  }
  return failure ?? new Error('unknown failure');
}

function add(sum: Work<never>['outcome'], more: Outcome): void {
  sum.applied += more.applied;
  sum.duplicate += more.duplicate;
  sum.parked += more.parked;
  sum.deadLettered += more.deadLettered;
  sum.setAsideBefore += more.setAsideBefore;
}

async function accuse<Tx>(work: Work<Tx>, entry: GuiltyMessage): Promise<void> {
  work.guilty.push(entry);
  const { key } = entry.message.record;
  if (canPark(key) && parks(work.deps.subscription)) work.guiltyKeys.add(key);
  const most = Math.max(MAX_DEAD_LETTERS_A_MINUTE - 1, permitted(work));
  if (succeeded(work) === 0 && work.guilty.length > most && (await countNew(work)) > most)
    throw broken(work, entry.error);
}

/** Counts the guilty messages that have no letter yet: a batch may come again whose offset was not committed. */
async function countNew<Tx>(work: Work<Tx>): Promise<number> {
  const { deps, messages, guilty } = work;
  const settled = work.settled ?? (await deps.persist(() => findSettled(deps, messages)));
  work.settled = settled;
  return guilty.filter(({ message }) => !settled.has(message)).length;
}

function permitted<Tx>({ deps }: Work<Tx>): number {
  return deps.permit?.left ?? 0;
}

/** Counts duplicates too: a run that crashed during isolation has already committed the good messages. */
function succeeded<Tx>({ outcome }: Work<Tx>): number {
  return outcome.applied + outcome.duplicate - outcome.setAsideBefore;
}

function broken<Tx>(work: Work<Tx>, error: string): HandlerBrokenError {
  const { permit } = work.deps;
  const short = permit ? `; the permit of an operator has ${permit.left} left` : '';
  return new HandlerBrokenError(
    `${work.guilty.length} messages failed, ${succeeded(work)} did not${short}; last: ${error}`,
  );
}

/**
 * Takes letters from a permit, in the transaction that writes them.
 * @throws HandlerBrokenError when the permit no longer has as many left
 */
export async function takeFrom<Tx>(
  permit: SetAsidePermit,
  { store, now }: Pick<ApplyDeps<Tx>, 'store' | 'now'>,
  tx: Tx,
  letters: number,
): Promise<void> {
  if (letters > 0 && !(await store.usePermit(tx, permit, letters, now())))
    throw new HandlerBrokenError(`the permit of an operator no longer has ${letters} left`);
}
