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

  function encode(event: NewEvent): OutboxRow {
    const traceparent = event.cause?.traceparent ?? currentTraceparent?.();
    const envelope = envelopeOf(source, event, new Date(clock.now()), traceparent);
    return { ...envelope, payload: codec.encode(event.type, event.data) };
  }

  return {
    async append(tx, events) {
      if (events.length === 0) return;
      const rows = await store.appendOutbox(tx, events.map(encode));
      if (wake) tx.onCommit(() => wake(rows));
    },
  };
}

/** An event's place, id and headers, without its data. */
export type Envelope = Omit<OutboxRow, 'payload' | 'key'> & { readonly key: string };

/**
 * @param source `ce_source`: the publishing service's name
 * @param traceparent of its cause, or of the current request
 */
export function envelopeOf(source: string, event: NewEvent, time: Date, traceparent?: string): Envelope {
  const causation = {
    ...(event.cause?.eventId && { causationId: event.cause.eventId }),
    ...(traceparent && { traceparent }),
  };
  return envelope(event.type, event.data);

  // Generic, so that the compiler knows: this data is of this type.
  function envelope<T extends EventType>(type: T, data: EventDataByType[T]): Envelope {
    const definition = EVENTS[type];
    const key = definition.key(data);
    const id = definition.id === 'derived' ? deriveEventId(key, type) : definition.id(data);
    const headers = renderHeaders({ id, type, time, ...causation }, source, definition.attributes?.(data));
    return { id, topic: definition.topic, key, type, headers };
  }
}
