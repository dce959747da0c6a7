import { type Clock, systemClock } from '../clock.ts';
import { type Codec, renderHeaders } from '../codec/index.ts';
import { deriveEventId, EVENTS, type EventDataByType, type EventType, type NewEvent } from '../contracts/index.ts';
import type { MessagingStore, NumberedRow, OutboxRow } from '../store/index.ts';

/** Publishing within the service's own transaction: the change and its events commit together or not at all. */
export interface Outbox<Tx> {
  /**
   * Writes the events to the outbox of `tx`. Call it after the aggregates are locked: then, for each key, the order of
   * the rows is the order of the commits. Throws InvalidEventError if an event does not fit its schema: the request
   * fails, not the relay.
   */
  append(tx: Tx, events: readonly NewEvent[]): Promise<void>;
}

export interface OutboxOptions<Tx> {
  readonly store: Pick<MessagingStore<Tx>, 'appendOutbox'>;
  readonly codec: Pick<Codec, 'encode'>;
  /** `ce_source`: the service's name. */
  readonly source: string;
  /** Called after each commit that wrote rows, with the rows where their numbers are known: wakes the relay. */
  readonly wake?: (rows: readonly NumberedRow[] | undefined) => void;
  /** Trace context of the current request, for events whose cause has none. */
  readonly traceparent?: () => string | undefined;
  readonly clock?: Clock;
}

/** A transaction that can call back once it has committed. */
export interface CommitHooks {
  onCommit(hook: () => void): void;
}

export function createOutbox<Tx extends CommitHooks>(options: OutboxOptions<Tx>): Outbox<Tx> {
  const { store, codec, source, wake, traceparent: currentTraceparent, clock = systemClock } = options;

  function encode<T extends EventType>(type: T, data: EventDataByType[T], cause: NewEvent['cause']): OutboxRow {
    const definition = EVENTS[type];
    const key = definition.key(data);
    const id = definition.id === 'derived' ? deriveEventId(key, type) : definition.id(data);
    const traceparent = cause?.traceparent ?? currentTraceparent?.();
    const time = new Date(clock.now());
    const causation = { ...(cause?.eventId && { causationId: cause.eventId }), ...(traceparent && { traceparent }) };
    const headers = renderHeaders({ id, type, time, ...causation }, source, definition.attributes?.(data));
    return { id, topic: definition.topic, key, type, payload: codec.encode(type, data), headers };
  }

  return {
    async append(tx, events) {
      if (events.length === 0) return;
      const rows = await store.appendOutbox(
        tx,
        events.map((event) => encode(event.type, event.data, event.cause)),
      );
      if (wake) tx.onCommit(() => wake(rows));
    },
  };
}
