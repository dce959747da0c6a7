import type { EventType } from './event-table.ts';
import type { EventDataByType } from './generated/types.ts';

/** The cause of an event: the request, or the event before it. */
export interface Cause {
  /** Id of the causing event; absent when an HTTP request or a job caused it. */
  readonly eventId?: string;
  /** W3C trace context of the cause. */
  readonly traceparent?: string;
}

interface NewEventOf<T extends EventType> {
  readonly type: T;
  readonly data: EventDataByType[T];
  readonly cause?: Cause;
}
/** An event to publish: returned by pure decisions, taken by `Outbox.append`. Discriminated by `type`. */
export type NewEvent = { [T in EventType]: NewEventOf<T> }[EventType];

interface ReceivedEventOf<T extends EventType> {
  readonly type: T;
  readonly data: EventDataByType[T];
  /** `ce_id`: the same whenever the event is published again. */
  readonly id: string;
  /** `ce_time`: when it was appended. */
  readonly time: Date;
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  /** Decimal text: Kafka offsets are 64 bits. */
  readonly offset: string;
  readonly causationId?: string;
  readonly traceparent?: string;
}
/** An event as a handler gets it. Discriminated by `type`. */
export type ReceivedEvent<T extends EventType = EventType> = { [K in T]: ReceivedEventOf<K> }[T];

/** The cause for events that follow from a received event. */
export function causedBy(event: ReceivedEvent): Cause {
  return { eventId: event.id, ...(event.traceparent ? { traceparent: event.traceparent } : {}) };
}
