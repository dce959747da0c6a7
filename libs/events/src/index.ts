export type { Applied, Failpoint } from './apply.ts';
export type * from './broker.ts';
export { allTopics, EVENTS, type EventType, isEventType, PARTITIONS } from './catalog.ts';
export { type Codec, type CodecOptions, createCodec, createCodecOn, type DecodedEvent } from './codec.ts';
export { type Consumer, type ConsumerOptions, type ConsumerStatus, startConsumer } from './consumer.ts';
export {
  HandlerBrokenError,
  InvalidEventError,
  OutageError,
  StaleBatchError,
  UndecodableError,
  UnknownSchemaError,
} from './errors.ts';
export { type Cause, causedBy, type NewEvent, type ReceivedEvent } from './event.ts';
export { deriveEventId } from './event-id.ts';
export { createFileFailpoint, failpointFromEnvironment } from './failpoints.ts';
export { classify, type FailureKind } from './failure.ts';
export type * from './generated/types.ts';
export { createKafkaAdmin, type KafkaAdmin, type RecordRange } from './kafka/admin.ts';
export { createKafkaBroker, type KafkaBrokerOptions } from './kafka/broker.ts';
export type { CommittedOffset } from './kafka/offsets.ts';
export { createMessaging, type Messaging, type MessagingOptions } from './messaging.ts';
export { createEventMetrics, type EventMetrics, noMetrics } from './metrics.ts';
export { type CommitHooks, createOutbox, type Outbox, type OutboxOptions } from './outbox.ts';
export { INBOX_RETENTION_DAYS, purgeInbox } from './purge.ts';
export type { Rebuild, RebuildTools, RebuildWork } from './rebuild.ts';
export { type Recovered, recover } from './recovery.ts';
export { FactsIncompleteError, type OwnFacts, RecoveryError } from './recovery-options.ts';
export { type RecoverableService, recoverWhenAsked } from './recovery-start.ts';
export { type Redriver, type RedriverOptions, startRedriver } from './redriver.ts';
export type { SchemaStore } from './registry.ts';
export { type Relay, type RelayLock, type RelayOptions, startRelay } from './relay.ts';
export { createSqlRelayLock } from './relay-lock.ts';
export { anyEvents, ReplayCancelledError } from './replay-apply.ts';
export { lagOf } from './replay-run.ts';
export { finishReplay, isOpen, lockReplay, resetReplay } from './replay-store.ts';
export { type Replayer, type ReplayerOptions, startReplayer } from './replayer.ts';
export { type Clock, type Logger, silentLogger, systemClock } from './runtime.ts';
export { createSqlMessagingStore, type SqlMessagingStore } from './sql-store.ts';
export type * from './store.ts';
export type { Subscription } from './subscription.ts';
export { startWaiters, type Waiters, type WaitersOptions, type WaitOptions } from './waiters.ts';
