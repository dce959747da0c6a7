export type * from './broker.ts';
export { type Clock, systemClock } from './clock.ts';
export {
  type AskRegistry,
  type Codec,
  createCodec,
  createCodecOn,
  createDecoder,
  registryCalls,
} from './codec/index.ts';
export { type Consumer, type DescribedGroup, type Subscription, startConsumer } from './consumer/index.ts';
export type * from './contracts/generated/types.ts';
export {
  allTopics,
  type Cause,
  causedBy,
  createNewId,
  deriveEventId,
  EVENTS,
  type EventType,
  isEventType,
  type NewEvent,
  publisherOf,
  type ReceivedEvent,
} from './contracts/index.ts';
export { startRedriver } from './dead-letters/index.ts';
export { OutageError, RefusedError, StaleBatchError, UndecodableError } from './errors.ts';
export { classify } from './failure.ts';
export {
  type CommittedOffset,
  createKafkaAdmin,
  createKafkaBroker,
  durabilityFaults,
  emptyBroker,
  type GroupPlace,
  type KafkaAdmin,
  type KafkaBrokerOptions,
  type LostPlace,
  lostAmong,
  type NewPlace,
  type RecordRange,
  TOPIC_SETTINGS,
  type TopicState,
} from './kafka/index.ts';
export { type EventLogger, silentLogger } from './log.ts';
export { createMessaging, type Messaging } from './messaging.ts';
export { noMetrics } from './metrics.ts';
export {
  type CommitHooks,
  createOutbox,
  type Envelope,
  envelopeOf,
  type Outbox,
  type PastEvent,
  type PublishedRows,
  pagesAfter,
} from './outbox/index.ts';
export {
  FactsIncompleteError,
  type OwnFacts,
  type RecoveryFence,
  type RecoverySubscription,
  type ReplayedGroup,
  recover,
  recoverWhenAsked,
  recoveryPlan,
} from './recovery/index.ts';
export { createSqlRelayLock, type Relay, type RelayLock, startRelay } from './relay/index.ts';
export {
  anyEvents,
  type BeginningOptions,
  finishReplay,
  isOpen,
  lagOf,
  lockReplay,
  type Rebuild,
  type RebuildTools,
  type RebuildWork,
  ReplayCancelledError,
  type ReplayerOptions,
  resetReplay,
  startReplayer,
  watchBeginning,
} from './replay/index.ts';
export type { DeadLetterEntry, MessagingStore, NumberedRow } from './store/index.ts';
export {
  createSqlMessagingStore,
  INBOX_RETENTION_DAYS,
  leavePositions,
  letterIdOf,
  type MissedEvent,
  purgeInbox,
  REPUBLISHED,
  rememberLonger,
  type SqlMessagingStore,
  sendAgain,
  setMissedBefore,
} from './store/index.ts';
export { singleCopy, type TopicConfig, type TopicPlan, topicPlan } from './topic-plan.ts';
export { startWaiters, type Waiters } from './waiters/index.ts';
