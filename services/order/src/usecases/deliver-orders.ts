import type { ReceivedEvent } from '@shop/events';
import { withoutRequest } from '../domain/request.ts';

/** The data platform gets the ends of orders. */
export const DELIVERED_EVENTS = ['order-completed', 'order-cancelled'] as const;
export type DeliveredEventType = (typeof DELIVERED_EVENTS)[number];

/** An event in the form sent to the data platform. */
export interface DeliveredEvent {
  /** The same however often the event is sent; the platform drops repeats by it. */
  readonly id: string;
  readonly type: DeliveredEventType;
  /** When it was published, ISO 8601, UTC. */
  readonly time: string;
  /** Without the key of the client's request. */
  readonly data: object;
}

/** The external platform that keeps every event once, by its id. */
export interface DataPlatform {
  /**
   * Resolves once the platform has all of them. They may be sent again.
   * @throws {OutageError} when the platform is away or its answer is unknown: the same events may succeed later
   * @throws {RefusedByPlatformError} when it refuses the events themselves: at least one of them is at fault
   */
  send(events: readonly DeliveredEvent[]): Promise<void>;
}

export interface DeliveryDeps<Tx> {
  readonly platform: DataPlatform;
  /** Called with delivered events, in the transaction that notes them. */
  readonly delivered?: (tx: Tx, events: readonly DeliveredEvent[]) => void;
}

/**
 * Delivers a batch, each order's events in order. The only handler that acts outside its transaction: it calls before
 * the commit, so that a crash between the two repeats the call, with the same ids, and never loses it (docs/adr/0014).
 */
export function createDeliverOrders<Tx>({ platform, delivered }: DeliveryDeps<Tx>) {
  return async (tx: Tx, events: readonly ReceivedEvent<DeliveredEventType>[]): Promise<void> => {
    const batch = events.map(({ id, type, time, data }) => ({
      ...{ id, type, time: time.toISOString() },
      data: withoutRequest(data),
    }));
    await platform.send(batch);
    delivered?.(tx, batch);
  };
}
