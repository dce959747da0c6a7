import type { Database, Transaction } from '@shop/chassis';
import type { Clock } from '../clock.ts';
import type { Codec } from '../codec/index.ts';
import type { Failpoint, Subscription } from '../consumer/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import type { KafkaAdmin, RecordRange } from '../kafka/index.ts';
import type { EventLogger } from '../log.ts';
import type { SqlMessagingStore } from '../store/index.ts';

/** What a service published itself, and how that is made true again. */
export interface OwnFacts<T extends EventType = EventType> {
  /** Whose inbox gets the causes: what led to a fact is not decided again. */
  readonly group: string;
  readonly types: readonly T[];
  /**
   * Makes the events' effects, each unless it is there already: no decision, nothing to the outbox. Events come in the
   * order in which they were sent. Throws FactsIncompleteError when they do not fit together without later ones.
   * `acceptGaps`: an operator knows that some are missing.
   */
  apply(tx: Transaction, events: readonly ReceivedEvent<T>[], options: { acceptGaps: boolean }): Promise<void>;
}

export interface RecoveryOptions {
  readonly database: Database;
  readonly store: SqlMessagingStore;
  readonly codec: Codec;
  readonly log: KafkaAdmin;
  readonly own: OwnFacts;
  /** The service's subscriptions, deciding with this clock: the time of the event at hand. */
  readonly subscriptions: (now: () => Date) => readonly Subscription<Transaction, EventType>[];
  /** Before the backup was taken: what it holds already is found there. */
  readonly from: Date;
  /** Go on although the topics no longer hold everything since `from`, or something on them cannot be read. */
  readonly acceptGaps: boolean;
  /** About so many events a transaction. */
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

/** Events of the service itself that do not fit together, or not yet. */
export class FactsIncompleteError extends Error {
  override readonly name = 'FactsIncompleteError';
}

/** A recovery that has begun. */
export interface RecoveryStep extends RecoveryOptions {
  /** Of its row in `replay`. */
  readonly id: number;
  /** What the topics hold from `from` on, up to where they ended when the recovery began. */
  readonly ranges: readonly RecordRange[];
}
