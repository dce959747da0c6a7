import type { Transaction } from '@shop/chassis';
import type { Subscription } from '../consumer/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import type { KafkaAdmin } from '../kafka/index.ts';

/**
 * How a service builds anew what a group has made of its topics, beside what is live: the replayer reads the topics,
 * and the service says what the events are applied to, and puts it in the live one's place.
 */
export interface Rebuild {
  /** The live group. */
  readonly group: string;
  /**
   * Called when a rebuild begins and again after each crash: whatever was prepared before is found and kept. Once it
   * has resolved, what the live group applies reaches the new one too, so that the topics need only be read up to where
   * they end then. `id` is that of the row in `replay`; a new beginning calls `resetReplay`.
   */
  begin(id: number, tools: RebuildTools): Promise<RebuildWork>;
  /** The replayer is no longer at it: done, failed, cancelled (its row says so), or put off. */
  letGo(): void;
}

export interface RebuildTools {
  readonly log: KafkaAdmin;
  /** Called between transactions; rejects when this process may not go on. */
  readonly mayGoOn: () => Promise<void>;
}

export interface RebuildWork {
  /** Read from their beginning. */
  readonly topics: readonly string[];
  /** Its group is the new one's inbox. */
  readonly subscription: Subscription<Transaction, EventType>;
  /** Which events are applied; the others are skipped. */
  readonly takes: (event: ReceivedEvent) => boolean;
  /** All is read. Puts the new one in the place of the live one and the row of `replay` to DONE, in one transaction. */
  readonly end: () => Promise<void>;
}
