/**
 * Narrow corrections of KafkaJS 2.2.4, which has no releases any more. Only this file reaches into its internals; a
 * test fails if they no longer look as expected.
 */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'kafkajs';
import { decodeRecord, encodeRecord, type RecordToEncode } from './record-codec.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, InFlight>;
  readonly enforceRequestTimeout: boolean;
  readonly requestTimeout: number;
  requestTimeoutIntervalId?: NodeJS.Timeout;
  isConnected(): boolean;
  destroy(): void;
}
interface InFlight {
  readonly requestTimeout: number;
  timeoutRequest(): void;
}
interface FetchedBatch {
  isEmpty(): boolean;
  isEmptyDueToFiltering(): boolean;
}
type Coordinator = Awaited<ReturnType<Cluster['findGroupCoordinator']>>;
interface OffsetManager {
  readonly groupId: string;
  readonly cluster: Cluster;
  coordinator: Coordinator;
}
interface ConsumerGroup {
  readonly groupId: string;
  readonly cluster: Cluster;
  coordinator: Coordinator;
  maxWaitTime: number;
  minBytes: number;
  lastRequest: number;
  readonly topicConfigurations: Readonly<Record<string, { readonly fromBeginning?: boolean } | undefined>>;
}
interface Runner {
  readonly running: boolean;
  readonly fetchManager: { stop(): Promise<void> };
}
interface BrokerPool {
  metadataExpireAt: number | null;
  readonly metadataMaxAge: number;
}
interface OutOfRange {
  readonly topic: string;
  readonly partition: number;
}
interface Prototypes {
  readonly queue: {
    scheduleCheckPendingRequests(this: RequestQueue): void;
    scheduleRequestTimeoutCheck(this: RequestQueue): void;
  };
  readonly group: {
    recoverFromOffsetOutOfRange(this: ConsumerGroup, error: OutOfRange): Promise<void>;
    recoverFromFetch(this: ConsumerGroup, error: Error): Promise<void>;
    heartbeat(this: ConsumerGroup, options: { readonly interval: number }): Promise<void>;
    fetch(this: ConsumerGroup, nodeId: string): Promise<FetchedBatch[]>;
  };
  readonly offsets: {
    commitOffsets(this: OffsetManager, offsets?: unknown): Promise<void>;
    getCoordinator(this: OffsetManager): Promise<Coordinator>;
  };
  readonly pool: {
    refreshMetadataIfNecessary(this: BrokerPool, topics: readonly string[]): Promise<void>;
  };
  readonly runner: {
    fetch(this: Runner, nodeId: string): Promise<FetchedBatch[]>;
  };
}

/** A group's offset is no longer in the log: the group has lost messages, and must not continue silently. */
export class OffsetOutOfRangeError extends Error {
  override readonly name = 'OffsetOutOfRangeError';
  /** Tells KafkaJS not to try again. */
  readonly retriable = false;
}

/** The waits of one consumer's fetches at the broker. */
export interface FetchWaits {
  /** Settings of the next fetch: the broker answers when it has `minBytes`, or after `maxWaitTimeInMs`. */
  next(): { readonly minBytes: number; readonly maxWaitTimeInMs: number };
  /** Notes that a fetch was answered, with records or without. */
  had(records: boolean): void;
}

/** How often a connection looks for requests that are out for too long, ms. */
const TIMEOUT_CHECK_MS = 1_000;

/** Waits by consumer and broker: an idle broker says nothing about another broker's partitions. */
const waits = new WeakMap<Cluster, (nodeId: string) => FetchWaits>();

/**
 * Makes the consumer with this cluster ask before each fetch how long to wait. `create` is called once for each broker.
 */
export function controlFetches(cluster: Cluster, create: () => FetchWaits): void {
  const ofBrokers = new Map<string, FetchWaits>();
  waits.set(cluster, (nodeId) => {
    const known = ofBrokers.get(nodeId) ?? create();
    ofBrokers.set(nodeId, known);
    return known;
  });
}

let patched = false;

/** Applies the corrections to every KafkaJS client of this process. Safe to call again. */
// One function: it is a list of corrections, each with its reason, and they share only the prototypes.
export function patchKafkaJs(): void {
  if (patched) return;
  patched = true;
  replaceRecordCodec();
  const { queue, group, offsets, runner, pool } = prototypes();
  followCoordinator(group, offsets);
  outliveClock(queue, group, pool);
  endFetchers(runner);

  // After each response the queue sets a timer to look for pending requests, with a negative delay when nothing is
  // throttled, and sets the timer again when it fires: an endless loop of 1 ms a connection (KafkaJS issue 1751).
  // Without pending requests the timer is not needed; a pushed request that has to wait sets it.
  const schedule = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = function scheduleIfPending() {
    if (this.pending.length > 0) schedule.call(this);
  };

  // KafkaJS always uses the same wait for a fetch, and hands a partition without records to its workers like any other:
  // an idle consumer does little else. KafkaJS answers an empty partition only with a heartbeat, and sends that also
  // when no partition is left, so empty partitions are left out here.
  const fetch = group.fetch;
  group.fetch = async function fetchWithPatience(nodeId) {
    const control = waits.get(this.cluster)?.(nodeId);
    if (control) {
      const { minBytes, maxWaitTimeInMs } = control.next();
      this.minBytes = minBytes;
      this.maxWaitTime = maxWaitTimeInMs;
    }
    const batches = await fetch.call(this, nodeId);
    const filled = batches.filter((batch) => !batch.isEmpty() || batch.isEmptyDueToFiltering());
    control?.had(filled.length > 0);
    return filled;
  };

  // KafkaJS resets an offset outside the log (retention removed it, or the log was cut) to the beginning or the end,
  // and silently skips the records between. A group that applies events must stop instead. Groups that start at the end
  // only wake waiters; for them the reset is right.
  const recover = group.recoverFromOffsetOutOfRange;
  group.recoverFromOffsetOutOfRange = async function refuse(error) {
    const appliesEvents = this.topicConfigurations[error.topic]?.fromBeginning === true;
    if (!appliesEvents) return recover.call(this, error);
    throw new OffsetOutOfRangeError(
      `${this.groupId}: the log no longer holds its offset of ${error.topic}/${error.partition}`,
    );
  };
}

/** KafkaJS measures by the machine's wall clock. When that is set back, it waits until the former time comes again. */
function outliveClock(queue: Prototypes['queue'], group: Prototypes['group'], pool: Prototypes['pool']): void {
  // Each connection looked ten times a second for requests whose time-out is some ten seconds. A request's time counts
  // from the first look that finds it.
  queue.scheduleRequestTimeoutCheck = function checkSeldom() {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    const seen = new WeakMap<InFlight, number>();
    const check = () => {
      const now = performance.now();
      for (const request of [...this.inflight.values()]) {
        const since = seen.get(request) ?? now;
        seen.set(request, since);
        if (now - since >= request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    };
    this.requestTimeoutIntervalId = setInterval(check, Math.min(this.requestTimeout, TIMEOUT_CHECK_MS));
  };

  // Without heartbeats the group gives the member's partitions away, again and again.
  const heartbeat = group.heartbeat;
  group.heartbeat = function beatInTime(options) {
    if (this.lastRequest > Date.now()) this.lastRequest = 0;
    return heartbeat.call(this, options);
  };

  // Without fresh metadata nobody notices new partitions.
  const refresh = pool.refreshMetadataIfNecessary;
  pool.refreshMetadataIfNecessary = function refreshInTime(topics) {
    if (this.metadataExpireAt !== null && this.metadataExpireAt > Date.now() + this.metadataMaxAge)
      this.metadataExpireAt = null;
    return refresh.call(this, topics);
  };
}

/** Pause before a consumer asks again for the leaders that take the place of a broker which is away, ms. */
const LEADERLESS_PAUSE_MS = 200;
/** For so long the leaders are asked for anew while one broker cannot be reached: elections take less, ms. */
const UNREACHABLE_MS = 30_000;
/**
 * Failures of a broker that lie further apart are different matters, ms: each takes a connection's time limits, or that
 * of a request and of the metadata that are asked for after it.
 */
const APART_MS = 25_000;

/** What only shows with several brokers: the parts of a consumer that stay with a broker which is no longer theirs. */
function followCoordinator(group: Prototypes['group'], offsets: Prototypes['offsets']): void {
  // The offset manager keeps the coordinator of the last whole join. When a join finds the new coordinator still
  // loading, KafkaJS goes on with its former assignment and sends heartbeats to the new one, but commits to the former
  // one, in vain and for ever.
  const former = new WeakSet<OffsetManager>();
  const commit = offsets.commitOffsets;
  offsets.commitOffsets = async function commitAndNotice(wanted) {
    try {
      await commit.call(this, wanted);
    } catch (error) {
      former.add(this);
      throw error;
    }
  };
  const known = offsets.getCoordinator;
  offsets.getCoordinator = async function findPresent() {
    if (!former.delete(this) && this.coordinator.isConnected()) return known.call(this);
    this.coordinator = await this.cluster.findGroupCoordinator({ groupId: this.groupId });
    return this.coordinator;
  };

  // A heartbeat goes to the broker that was the coordinator, dead or frozen or not, until KafkaJS gives up.
  const heartbeat = group.heartbeat;
  group.heartbeat = async function beatOrFind(options) {
    try {
      await heartbeat.call(this, options);
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      this.coordinator = await this.cluster.findGroupCoordinator({ groupId: this.groupId });
    }
  };

  // A fetch from a broker that cannot be reached is tried again and again with the same metadata, until KafkaJS gives
  // up. Its partitions have other leaders by then.
  const recover = group.recoverFromFetch;
  group.recoverFromFetch = async function findLeaders(error) {
    if (!isUnreachable(error) || failsForLong(this, error)) return recover.call(this, error);
    await sleep(LEADERLESS_PAUSE_MS);
    await this.cluster.refreshMetadata();
  };
}

/**
 * When the list of brokers changes, KafkaJS waits for its fetchers and then creates new ones. A stop meanwhile finds
 * only ended fetchers, and nobody tells the new ones to end: a stopped consumer answers each of their fetches at once,
 * and their loops never let the event loop run again. The first such fetch ends them here.
 */
function endFetchers(runner: Prototypes['runner']): void {
  const fetch = runner.fetch;
  runner.fetch = function fetchOrEnd(nodeId) {
    if (!this.running) void this.fetchManager.stop();
    return fetch.call(this, nodeId);
  };
}

/** The failures of each group's fetches, by broker. */
const failures = new WeakMap<object, Map<string, { readonly since: number; readonly last: number }>>();

/**
 * Whether a broker has failed for UNREACHABLE_MS. One that is named to clients and cannot be reached by them (a wrong
 * address, a wall) does not heal: the session ends, and its reason is logged.
 */
function failsForLong(group: object, error: unknown): boolean {
  const { broker = '' } = error as { readonly broker?: string };
  const ofGroup = failures.get(group) ?? new Map();
  failures.set(group, ofGroup);
  const now = performance.now();
  const before = ofGroup.get(broker);
  const since = before && now - before.last < APART_MS ? before.since : now;
  ofGroup.set(broker, { since, last: now });
  return now - since > UNREACHABLE_MS;
}

/**
 * The broker's machine is away, refuses, or takes requests and never answers (a frozen process). KafkaJS itself reacts
 * to a connection that was closed.
 */
function isUnreachable(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === 'KafkaJSConnectionError' || error.name === 'KafkaJSRequestTimeoutError')
  );
}

/** KafkaJS loads a request's encoder when it first sends one: until then the encoder can be replaced. */
function replaceRecordCodec(): void {
  const require = createRequire(import.meta.url);
  const users = ['kafkajs/src/protocol/requests/produce/v3/request', 'kafkajs/src/protocol/recordBatch/v0/decoder'];
  if (users.some((path) => require.resolve(path) in require.cache))
    throw new Error('KafkaJS has sent or read records before it was corrected');
  // KafkaJS uses only these two properties of an encoder.
  const encode = (record: RecordToEncode) => {
    const buffer = encodeRecord(record);
    return { buf: buffer, buffer };
  };
  replace(require, 'kafkajs/src/protocol/recordBatch/record/v0', encode);
  replace(require, 'kafkajs/src/protocol/recordBatch/record/v0/decoder', decodeRecord);
}

function replace(require: NodeJS.Require, path: string, by: unknown): void {
  if (typeof require(path) !== 'function') throw new Error(`KafkaJS is not the version that is known (2.2.4): ${path}`);
  const cached = require.cache[require.resolve(path)];
  if (!cached) throw new Error(`${path} cannot be replaced`);
  cached.exports = by;
}

function prototypes(): Prototypes {
  const require = createRequire(import.meta.url);
  const queue = (require('kafkajs/src/network/requestQueue') as { prototype: Prototypes['queue'] }).prototype;
  const group = (require('kafkajs/src/consumer/consumerGroup') as { prototype: Prototypes['group'] }).prototype;
  const offsets = (require('kafkajs/src/consumer/offsetManager') as { prototype: Prototypes['offsets'] }).prototype;
  const runner = (require('kafkajs/src/consumer/runner') as { prototype: Prototypes['runner'] }).prototype;
  const pool = (require('kafkajs/src/cluster/brokerPool') as { prototype: Prototypes['pool'] }).prototype;
  if (
    typeof queue.scheduleCheckPendingRequests !== 'function' ||
    typeof queue.scheduleRequestTimeoutCheck !== 'function' ||
    typeof group.fetch !== 'function' ||
    typeof group.heartbeat !== 'function' ||
    typeof group.recoverFromFetch !== 'function' ||
    typeof offsets.commitOffsets !== 'function' ||
    typeof offsets.getCoordinator !== 'function' ||
    typeof group.recoverFromOffsetOutOfRange !== 'function' ||
    typeof pool.refreshMetadataIfNecessary !== 'function' ||
    typeof runner.fetch !== 'function'
  ) {
    throw new Error('KafkaJS is not the version that these corrections are for (2.2.4)');
  }
  return { queue, group, offsets, runner, pool };
}
