import type { EventType } from '@shop/events';
import type { Check } from './check.ts';

/** The row that a service other than the order service keeps of an order. */
export interface Participant {
  /** The row's name, in reports. */
  readonly part: string;
  /** A table with the columns `order_id` and `status`. */
  readonly table: string;
  /** SQL of the state in `implies`, with the given name of the table. Default: its status. */
  readonly state?: (table: string) => string;
  /**
   * State → the events published on the way to it, in order. A state without an entry (VOID: cancelled before its
   * trigger arrived) implies none.
   */
  readonly implies: Readonly<Record<string, readonly EventType[]>>;
  /** Conditions on its rows and those of other services. */
  readonly checks?: readonly Check[];
  /** The words of an order's timeline for its row; absent where the timeline knows the row itself. */
  readonly story?: {
    /** The event with which the row begins. */
    readonly begins: EventType;
    /** SQL of what the row is, in words. */
    readonly what: string;
  };
}
