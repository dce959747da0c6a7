import type { Transaction } from '@shop/chassis';
import type { Codec } from '../codec/index.ts';
import type { Subscription } from '../consumer/index.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';
import type { KafkaAdmin } from '../kafka/index.ts';

/**
 * How a service rebuilds a group's projection beside the live one: the replayer reads the topics; the service applies
 * the events to a new copy and finally puts it in the live one's place.
 */
export interface Rebuild {
  /** The live group. */
  readonly group: string;
  /**
   * Called when a rebuild begins and again after each crash: it finds and keeps what it prepared before. Once it has
   * resolved, events applied by the live group reach the new copy too, so the topics need only be read up to their end
   * at that time. `id` is that of the row in `replay`; a new beginning calls `resetReplay`.
   */
  begin(id: number, tools: RebuildTools): Promise<RebuildWork>;
  /** Called when the replayer has left the rebuild: done, failed, cancelled (its row says so), or put off. */
  letGo(): void;
}

export interface RebuildTools {
  readonly log: KafkaAdmin;
  readonly codec: Pick<Codec, 'decode'>;
  /** Called between transactions; rejects when this process may not go on. */
  readonly mayGoOn: () => Promise<void>;
}

export interface RebuildWork {
  /** Read from their beginning. */
  readonly topics: readonly string[];
  /** The subscription of the new copy, whose group is also its inbox. */
  readonly subscription: Subscription<Transaction, EventType>;
  /** The events that are applied; the others are skipped. */
  readonly takes: (event: ReceivedEvent) => boolean;
  /** Called when all is read. Replaces the live copy and sets the row of `replay` to DONE, in one transaction. */
  readonly end: () => Promise<void>;
}
