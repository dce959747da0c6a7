export type * from './broker.ts';
export { type Clock, systemClock } from './clock.ts';
export {
  type Codec,
  type CodecOptions,
  createCodec,
  createCodecOn,
  type DecodedEvent,
  type SchemaStore,
} from './codec/index.ts';
export {
  type Consumer,
  type ConsumerOptions,
  type ConsumerStatus,
  createFileFailpoint,
  type Failpoint,
  failpointFromEnvironment,
  type Subscription,
  startConsumer,
} from './consumer/index.ts';
export type * from './contracts/generated/types.ts';
export {
  allTopics,
  type Cause,
  causedBy,
  deriveEventId,
  EVENTS,
  type EventType,
  isEventType,
  type NewEvent,
  PARTITIONS,
  publisherOf,
  type ReceivedEvent,
} from './contracts/index.ts';
export { type Redriver, type RedriverOptions, startRedriver } from './dead-letters/index.ts';
export {
  HandlerBrokenError,
  InvalidEventError,
  OutageError,
  StaleBatchError,
  UndecodableError,
  UnknownSchemaError,
} from './errors.ts';
export { classify, type FailureKind } from './failure.ts';
export {
  type CommittedOffset,
  createKafkaAdmin,
  createKafkaBroker,
  type KafkaAdmin,
  type KafkaBrokerOptions,
  type RecordRange,
} from './kafka/index.ts';
export { type EventLogger, silentLogger } from './log.ts';
export { createMessaging, type Messaging, type MessagingOptions } from './messaging.ts';
export { type Applied, createEventMetrics, type EventMetrics, noMetrics } from './metrics.ts';
export { type CommitHooks, createOutbox, type Outbox, type OutboxOptions } from './outbox/index.ts';
export {
  FactsIncompleteError,
  type OwnFacts,
  type RecoverableService,
  type Recovered,
  RecoveryError,
  recover,
  recoverWhenAsked,
} from './recovery/index.ts';
export { createSqlRelayLock, type Relay, type RelayLock, type RelayOptions, startRelay } from './relay/index.ts';
export {
  anyEvents,
  finishReplay,
  isOpen,
  lagOf,
  lockReplay,
  type Rebuild,
  type RebuildTools,
  type RebuildWork,
  ReplayCancelledError,
  type Replayer,
  type ReplayerOptions,
  resetReplay,
  startReplayer,
} from './replay/index.ts';
export type { DeadLetterEntry, DeadLetterReason, MessagingStore, NumberedRow, OutboxRow } from './store/index.ts';
export { createSqlMessagingStore, INBOX_RETENTION_DAYS, purgeInbox, type SqlMessagingStore } from './store/index.ts';
export { startWaiters, type Waiters, type WaitersOptions, type WaitOptions } from './waiters/index.ts';
