import type { ReceivedEvent } from '@shop/events';

/** An order's end is what the data platform is told. */
export const DELIVERED_EVENTS = ['order-completed', 'order-cancelled'] as const;
export type DeliveredEventType = (typeof DELIVERED_EVENTS)[number];

/** An event as the data platform gets it. */
export interface DeliveredEvent {
  /** The same however often the event is sent: what the platform drops repetitions by. */
  readonly id: string;
  readonly type: DeliveredEventType;
  /** When it was published, ISO 8601, UTC. */
  readonly time: string;
  readonly data: ReceivedEvent<DeliveredEventType>['data'];
}

/** The external platform that keeps every event once, by its id. */
export interface DataPlatform {
  /**
   * Resolves once the platform has all of them. They may be sent again.
   * @throws {OutageError} when it is away, or cannot say: the same events may succeed later
   * @throws {RefusedByPlatformError} when it refuses them for what they are: one of them, at least, is at fault
   */
  send(events: readonly DeliveredEvent[]): Promise<void>;
}

export interface DeliveryDeps<Tx> {
  readonly platform: DataPlatform;
  /** Told of what the platform has, in the transaction that notes it. */
  readonly delivered?: (tx: Tx, events: readonly DeliveredEvent[]) => void;
}

/**
 * Delivers a batch, each order's events in their order. The one handler that acts outside its transaction: it calls
 * before the commit, so that a crash between the two repeats the call, with the same ids, and never loses it
 * (docs/adr/0014).
 */
export function createDeliverOrders<Tx>({ platform, delivered }: DeliveryDeps<Tx>) {
  return async (tx: Tx, events: readonly ReceivedEvent<DeliveredEventType>[]): Promise<void> => {
    const batch = events.map(({ id, type, time, data }) => ({ id, type, time: time.toISOString(), data }));
    await platform.send(batch);
    delivered?.(tx, batch);
  };
}
