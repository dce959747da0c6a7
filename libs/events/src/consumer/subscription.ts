import type { Headers } from '../broker.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';

/** What a service hears and what it does with it. Passed to `startConsumer`. */
export interface Subscription<Tx, T extends EventType = EventType> {
  /** Consumer group: the service's name, e.g. `catalog`. */
  readonly group: string;
  /** The types it handles; topics follow from the catalogue. Other types are skipped and counted. */
  readonly handles: readonly T[];
  /**
   * Whether the group wants a message of a type it handles, by its headers alone (see `attributes` in the catalogue):
   * what it does not want is skipped and counted, neither decoded nor claimed. Absent: all of them. It must answer the
   * same for the same message, always.
   */
  readonly wants?: (headers: Headers) => boolean;
  /**
   * Whether later messages of a key wait behind its dead letter; default true. False for topics keyed by what many
   * share (a coupon policy): a message there does not build on the one before it, and one bad message must not stop the
   * others. Each dead letter is then redriven alone.
   */
  readonly parks?: boolean;
  /**
   * How long a message may wait so as to be handled together with others, ms: the group then costs few fetches and
   * transactions, and whoever waits for its answer (an order with a coupon, say) may wait so much longer. Absent: a
   * message is handled as soon as it is there.
   */
  readonly patienceMs?: number;
  /** Most messages in one transaction; default 1,000. */
  readonly maxBatch?: number;
  /**
   * Applies a batch in the given transaction: several partitions together, each key in its order, duplicates already
   * removed. It must not touch anything outside `tx`, unless whoever it calls drops repetitions by the event's id and
   * the call is short (docs/adr/0014): a rollback does not take it back, and a crash repeats it. A rejection rolls the
   * whole batch back; the consumer then finds the guilty message by bisection.
   */
  handle(tx: Tx, events: readonly ReceivedEvent<T>[]): Promise<void>;
}
