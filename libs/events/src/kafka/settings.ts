import type { ConsumerConfig, ConsumerRunConfig } from 'kafkajs';
import { pauseAfter } from '../clock.ts';
import type { FetchWaits } from './patches.ts';

/** How often a working member sends a heartbeat, ms. An idle member sends one after each fetch. */
export const HEARTBEAT_MS = 500;

/** Settings that keep a rebalance short and an idle consumer quick. */
export const CONSUMER_SETTINGS = {
  // The least the broker allows by default: a killed instance's partitions stand still for this long.
  sessionTimeout: 6_000,
  heartbeatInterval: HEARTBEAT_MS,
  // How long a rebalance waits for a member in the middle of a transaction.
  rebalanceTimeout: 20_000,
  // A fetch answers as soon as there is a byte. Its longest wait: see `createFetchWaits`.
  minBytes: 1,
  maxWaitTimeInMs: 100,
  maxBytesPerPartition: 1024 * 1024,
  maxBytes: 8 * 1024 * 1024,
  allowAutoTopicCreation: false,
  // How soon a group learns of partitions that were added, ms: until then their records wait.
  metadataMaxAge: 10_000,
  // KafkaJS's own restart after a crash is off: it gives up on errors that it calls non-retriable, and keeps its former
  // state. Our supervisor always makes a new client.
  retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 8, restartOnFailure: async () => false },
} satisfies Omit<ConsumerConfig, 'groupId'>;

/** A patient group's fetch waits for this many bytes (some hundred events), or for its time. */
const PATIENT_BYTES = 256 * 1024;
/** Longest wait of a patient group's fetch, ms. The consumer waits for the rest of a longer patience. */
const MAX_PATIENCE_MS = 500;
/**
 * Longest wait of an idle fetch, ms. A stop and a rebalance wait for the current fetch, and a member learns of a
 * rebalance by the heartbeat after it; six fetches fit into a session.
 */
export const MAX_FETCH_MS = 1_000;

type FetchSettings = Pick<typeof CONSUMER_SETTINGS, 'minBytes' | 'maxWaitTimeInMs'>;

/** How a group fetches: at once, or many messages at a time when its messages may wait `patienceMs`. */
function fetchSettings(patienceMs: number | undefined): FetchSettings {
  const { minBytes, maxWaitTimeInMs } = CONSUMER_SETTINGS;
  if (patienceMs === undefined || patienceMs <= maxWaitTimeInMs) return { minBytes, maxWaitTimeInMs };
  return { minBytes: PATIENT_BYTES, maxWaitTimeInMs: Math.min(patienceMs, MAX_PATIENCE_MS) };
}

/**
 * Waits of the fetches. During work a fetch is short, so that a stop and a rebalance are quick. Without records each
 * fetch waits twice as long as the one before, up to `MAX_FETCH_MS`. The long wait delays nothing, as the broker
 * answers at the first byte. For the same reason a patient group gathers only while records come; the first record
 * after a pause is not held up.
 */
export function createFetchWaits(patienceMs: number | undefined): FetchWaits {
  const atWork = fetchSettings(patienceMs);
  const waits = { first: CONSUMER_SETTINGS.maxWaitTimeInMs, last: MAX_FETCH_MS };
  let inVain = 1;
  return {
    next: () =>
      inVain === 0 ? atWork : { minBytes: CONSUMER_SETTINGS.minBytes, maxWaitTimeInMs: pauseAfter(inVain, waits) },
    had(records) {
      inVain = records ? 0 : inVain + 1;
    },
  };
}

export const RUN_SETTINGS = {
  // Our committer commits offsets: one commit for all that a transaction resolved.
  autoCommit: false,
  eachBatchAutoResolve: false,
  // All partitions of a fetch are handed over at once: the consumer joins them into one transaction.
  // More than a group's topics have together: 24 each in production.
  partitionsConsumedConcurrently: 256,
} satisfies ConsumerRunConfig;

const LOST_MEMBERSHIP = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** True for the coordinator's answers that end a membership or require a rejoin. */
export function isLostMembership(error: Error): boolean {
  return 'type' in error && typeof error.type === 'string' && LOST_MEMBERSHIP.has(error.type);
}
