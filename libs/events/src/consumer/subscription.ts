import type { Headers } from '../broker.ts';
import type { EventType, ReceivedEvent } from '../contracts/index.ts';

/** The events a service consumes and their handler. Passed to `startConsumer`. */
export interface Subscription<Tx, T extends EventType = EventType> {
  /** Consumer group: the service's name, e.g. `catalog`. */
  readonly group: string;
  /** The types the handler handles; topics follow from the catalogue. Other types are skipped and counted. */
  readonly handles: readonly T[];
  /**
   * Whether the group wants a message of a type it handles, by its headers alone (see `attributes` in the catalogue).
   * Unwanted messages are skipped and counted, neither decoded nor claimed. Absent: all are wanted. It must always give
   * the same answer for the same message.
   */
  readonly wants?: (headers: Headers) => boolean;
  /**
   * Whether later messages of a key wait behind its dead letter; default true. False for topics whose key many share (a
   * coupon policy): a message there does not build on the one before, and one bad message must not stop the others.
   * Each dead letter is then redriven alone.
   */
  readonly parks?: boolean;
  /**
   * How long a message may wait to be handled together with others, ms. The group then needs few fetches and
   * transactions, but a client waiting for the result (an order with a coupon, say) may wait that much longer. Absent:
   * a message is handled as soon as it arrives.
   */
  readonly patienceMs?: number;
  /** Most messages in one transaction; default 1,000. */
  readonly maxBatch?: number;
  /**
   * Applies a batch in the given transaction: several partitions together, each key in its order, duplicates already
   * removed. It must not touch anything outside `tx`: a rollback does not undo that, and a crash repeats it. Exception:
   * a short call to a service that drops repetitions by the event's id (docs/adr/0014). A rejection rolls the whole
   * batch back; the consumer then finds the guilty message by bisection.
   */
  handle(tx: Tx, events: readonly ReceivedEvent<T>[]): Promise<void>;
}

/** A consumer group as its service describes it, for the audit, the operators' commands and the documents. */
export interface DescribedGroup {
  /** Makes the group's subscription. Readers of the description give it nothing and call no handler. */
  readonly subscription: (dependencies: never) => Pick<Subscription<never>, 'group' | 'handles' | 'wants' | 'parks'>;
  /** The group's purpose. */
  readonly summary: string;
  /** True for a group that runs only where a receiver is configured, and waits as long as the receiver is away. */
  readonly optional?: boolean;
}
