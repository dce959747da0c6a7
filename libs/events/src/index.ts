export type {
  Broker,
  BrokerConsumer,
  ConsumeOptions,
  Headers,
  IncomingRecord,
  OutgoingRecord,
  RecordBatch,
} from './broker.ts';
export { allTopics, EVENTS, type EventType, isEventType, PARTITIONS } from './catalog.ts';
export { type Codec, type CodecOptions, createCodec, createCodecOn, type DecodedEvent } from './codec.ts';
export { HandlerBrokenError, InvalidEventError, OutageError, StaleBatchError, UndecodableError } from './errors.ts';
export { type Cause, causedBy, type NewEvent, type ReceivedEvent } from './event.ts';
export { deriveEventId } from './event-id.ts';
export type * from './generated/types.ts';
export { createMessaging, type Messaging, type MessagingOptions } from './messaging.ts';
export { type CommitHooks, createOutbox, type Outbox, type OutboxOptions } from './outbox.ts';
export type { SchemaStore } from './registry.ts';
export { type Clock, type Logger, silentLogger, systemClock } from './runtime.ts';
export type { DeadLetterEntry, DeadLetterReason, MessagingStore, OutboxRow } from './store.ts';
export type { Subscription } from './subscription.ts';
export type { Waiters, WaitOptions } from './waiters.ts';
