import type { Database, Transaction } from '@shop/chassis';
import type { Clock } from '../clock.ts';
import type { Codec } from '../codec/index.ts';
import type { Failpoint, Subscription } from '../consumer/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import type { KafkaAdmin, RecordRange } from '../kafka/index.ts';
import type { EventLogger } from '../log.ts';
import type { SqlMessagingStore } from '../store/index.ts';

/**
 * To be called first in each transaction of a step that writes more than events tell.
 * @throws StaleBatchError when another run of the recovery has begun since: this process was frozen meanwhile
 */
export type RecoveryFence = (tx: Transaction) => Promise<void>;

/** The events a service published itself, and how their effects are restored. */
export interface OwnFacts<T extends EventType = EventType> {
  /** The group whose inbox gets the causes, so that the cause of a fact is not decided again. */
  readonly group: string;
  /** Where the service has several groups: that of the cause of an event of this type. Default: `group`. */
  readonly causeGroup?: (type: T) => string;
  readonly types: readonly T[];
  /**
   * Restores the events' effects, each unless it is there already: no decision, nothing to the outbox. Events come in
   * the order in which they were sent. Throws FactsIncompleteError when they do not fit together without later ones.
   * `acceptGaps`: an operator knows that some are missing, and no later ones will come.
   */
  apply(tx: Transaction, events: readonly ReceivedEvent<T>[], options: { acceptGaps: boolean }): Promise<void>;
  /**
   * Called once all facts are applied, before anything open is decided: repeats what jobs had done and no event tells.
   * Idempotent; a run that begins again calls it again.
   */
  afterFacts?(signal: AbortSignal, fence: RecoveryFence): Promise<void>;
  /** Called once everything is decided, before the recovery is done. Idempotent. */
  atEnd?(signal: AbortSignal, fence: RecoveryFence): Promise<void>;
  /**
   * Ids of the consumed events whose whole effect the event tells. Default: its cause. A cause that also did what no
   * event tells must be left out, so that it is decided again.
   */
  readonly answers?: (event: ReceivedEvent<T>) => readonly string[];
}

/** A subscription as a recovery decides it: one after the other, in the order of the list. */
export interface RecoverySubscription<T extends EventType = EventType> extends Subscription<Transaction, T> {
  /** Called before its first event is decided, also where there is none; again when a run that died begins anew. */
  readonly before?: (fence: RecoveryFence) => Promise<void>;
  /** Its handler goes by the events' own times, so it gets those of a transaction at once, instead of one by one. */
  readonly takesMany?: boolean;
}

/** A group that acts outside of the schema: it gets what its inbox lacks once the service runs, by a replay. */
export type ReplayedGroup = Pick<Subscription<Transaction, EventType>, 'group' | 'handles' | 'wants'>;

export interface RecoveryOptions {
  readonly database: Database;
  readonly store: SqlMessagingStore;
  readonly codec: Codec;
  readonly log: KafkaAdmin;
  readonly own: OwnFacts;
  /** The service's subscriptions, deciding with this clock: the time of the event being decided. */
  readonly subscriptions: (now: () => Date) => readonly RecoverySubscription[];
  /** Groups of the service that the recovery does not decide for; each is asked for a replay when it is done. */
  readonly replayed?: readonly ReplayedGroup[];
  /** A time before the backup was taken. Facts that the backup already holds are recognized. */
  readonly from: Date;
  /** Continue although the topics no longer hold everything since `from`, or some records cannot be read. */
  readonly acceptGaps: boolean;
  /** About this many events a transaction. */
  readonly batch: number;
  /** Called between transactions; rejects when this process may not go on. */
  readonly mayGoOn: () => Promise<void>;
  readonly instance: string;
  readonly logger: EventLogger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly failpoint?: Failpoint | undefined;
}

/** A schema cannot be brought forward. The message is a sentence for an operator. */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError';
}

/** The service's own events do not fit together, or not yet. */
export class FactsIncompleteError extends Error {
  override readonly name = 'FactsIncompleteError';
}

/** A recovery that has begun. */
export interface RecoveryStep extends RecoveryOptions {
  /** Id of the recovery's row in `replay`. */
  readonly id: number;
  /** The records of the topics from `from` on, up to their end when the recovery began. */
  readonly ranges: readonly RecordRange[];
}
