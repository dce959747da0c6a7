import type { Transactor } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';

/** A row of `outbox`: an encoded event on its way. */
export interface OutboxRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string | null;
  readonly type: string;
  readonly payload: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** An outbox row with its number, which is the order of relaying. */
export type NumberedRow = OutboxRow & { readonly seq: number };

/** The rows of a topic, or of one key of it. */
export interface OutboxPart {
  readonly topic: string;
  /** Null: the rows without a key. Absent: all rows of the topic. */
  readonly key?: string | null;
}

/** Which rows of the outbox to read. */
export interface OutboxChoice {
  readonly only?: OutboxPart;
  readonly except?: readonly OutboxPart[];
}

/** Why a message is in `dead_letter`. MISSED: the log no longer held it, an operator brought it to the group. */
export type DeadLetterReason = 'UNDECODABLE' | 'HANDLER_ERROR' | 'BEHIND_DEAD_LETTER' | 'MISSED';

export interface DeadLetterEntry {
  readonly record: IncomingRecord;
  readonly status: 'DEAD' | 'PARKED';
  readonly reason: DeadLetterReason;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly error: string | null;
  readonly attempts: number;
}

/** The identity of a letter: where its message stands in the log, and the id of its event. */
export type LetterPlace = Pick<DeadLetterEntry, 'record' | 'eventId'>;

/** A partition. */
export type Place = Pick<IncomingRecord, 'topic' | 'partition'>;

/** A row of `set_aside_permit`: a partition may set aside more messages than its limit a minute. */
export interface SetAsidePermit {
  readonly id: number;
  /** Messages that may still be set aside. */
  readonly left: number;
}

/**
 * The messaging tables of one schema. `Tx` is the service's transaction type: SQL in production, memory in the
 * simulation. Every write that takes a `tx` becomes visible with that transaction or not at all.
 */
export interface MessagingStore<Tx> extends Transactor<Tx> {
  /** @returns the rows with their numbers, as the relay would read them; undefined where the numbers are unknown */
  appendOutbox(tx: Tx, rows: readonly OutboxRow[]): Promise<readonly NumberedRow[] | undefined>;
  /** Oldest first; all rows, or those chosen. */
  readOutbox(limit: number, choice?: OutboxChoice): Promise<NumberedRow[]>;
  /** Removes rows. A row is kept when its number and id do not belong together. */
  deleteOutbox(rows: readonly Pick<NumberedRow, 'seq' | 'id'>[]): Promise<void>;
  /**
   * Claims `eventIds` for the group. @returns the ids that this call claimed; the others were applied before. Waits for
   * a concurrent claim of the same id.
   */
  claim(tx: Tx, group: string, eventIds: readonly string[], now: Date): Promise<ReadonlySet<string>>;
  /** Picks the `eventIds` that the group has applied, as far as committed. Locks nothing. */
  applied(tx: Tx, group: string, eventIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Whether the group's inbox holds any id: it has applied events before. */
  hasApplied(group: string): Promise<boolean>;
  /** The parked ones of `keys`; their rows stay locked until the transaction ends. */
  lockParkedKeys(tx: Tx, group: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Writes the entries (idempotent by position and event id); with `parks`, parks the keys of DEAD ones that have a
   * key. A letter of another message at an entry's position leaves it. @returns the entries that were new
   */
  writeDeadLetters(
    tx: Tx,
    group: string,
    entries: readonly DeadLetterEntry[],
    now: Date,
    parks: boolean,
  ): Promise<readonly DeadLetterEntry[]>;
  /** Picks the entries that are written: a letter of theirs stands at their position, whatever became of it. */
  lettered<E extends LetterPlace>(tx: Tx, group: string, entries: readonly E[]): Promise<readonly E[]>;
  /** The newest permit of an operator that covers this partition of the group and has something left at `now`. */
  findPermit(group: string, place: Place, now: Date): Promise<SetAsidePermit | undefined>;
  /** Takes `letters` from the permit. @returns false, taking nothing, when it has fewer left or has expired */
  usePermit(tx: Tx, permit: SetAsidePermit, letters: number, now: Date): Promise<boolean>;
}
