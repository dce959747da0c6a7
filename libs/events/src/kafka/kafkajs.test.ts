import { createRequire } from 'node:module';
import { describe, expect, it, jest } from '@jest/globals';
import type { Admin, Cluster } from 'kafkajs';
import { classify } from '../failure.ts';
import { silentLogger } from '../log.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createLogSink } from './client.ts';
import { COMMIT_EVERY_MS, createCommitter } from './committer.ts';
import { untilLed } from './leaders.ts';
import { committedOffsets, logRanges, offsetsSince } from './offsets.ts';
import { controlFetches, patchKafkaJs } from './patches.ts';
import { splitBySize, toTopicMessages } from './records.ts';
import { CONSUMER_SETTINGS, createFetchWaits, MAX_FETCH_MS } from './settings.ts';

const require = createRequire(import.meta.url);

interface Queue {
  pending: unknown[];
  throttleCheckTimeoutId: unknown;
  scheduleCheckPendingRequests(): void;
  checkPendingRequests(): void;
  destroy(): void;
}

describe('the corrections of KafkaJS', () => {
  patchKafkaJs();

  it('when a request queue has nothing pending, then no timer is left in it (KafkaJS issue 1751)', () => {
    const RequestQueue = require('kafkajs/src/network/requestQueue') as new (options: object) => Queue;
    const queue = new RequestQueue({
      maxInFlightRequests: 1,
      requestTimeout: 1,
      clientId: 'c',
      broker: 'b',
      logger: { debug() {} },
    });
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });

  it('when a group lost its place in the log, then it refuses to continue silently from elsewhere', async () => {
    const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: Group };
    const reset: string[] = [];
    const group = (fromBeginning: boolean) => ({
      groupId: 'g',
      topicConfigurations: { t: { fromBeginning } },
      preferredReadReplicasPerTopicPartition: {},
      logger: { error() {} },
      offsetManager: { setDefaultOffset: async ({ topic }: { topic: string }) => void reset.push(topic) },
    });
    const error = { topic: 't', partition: 3 };
    await expect(prototype.recoverFromOffsetOutOfRange.call(group(true), error)).rejects.toThrow('t/3');
    await prototype.recoverFromOffsetOutOfRange.call(group(false), error);
    expect(reset).toEqual(['t']);
  });

  it('when a consumer stops while the list of brokers changes, then its fetchers end, and the process stays alive', async () => {
    const Runner = require('kafkajs/src/consumer/runner') as new (options: object) => Runner;
    const debug = createSpinGuard();
    const logger = { namespace: () => logger, debug, info() {}, warn() {}, error() {} };
    const fetches = createHeldFetches();
    let left = 0;
    const group = {
      ...{ groupId: 'g', connect: async () => {}, joinAndSync: async () => {}, heartbeat: async () => {} },
      ...{ getNodeIds: () => fetches.brokers, fetch: fetches.fetch, leave: async () => void left++ },
    };
    const runner = new Runner({
      ...{ logger, consumerGroup: group, instrumentationEmitter: { emit() {} }, concurrency: 1, autoCommit: false },
      ...{ retry: { retries: 0 }, eachBatch: async () => {}, onCrash: () => {}, heartbeatInterval: 500 },
    });
    await runner.start();
    // Broker 1 answers, and its fetcher sees the longer list. The fetcher of broker 2 still waits for an answer.
    fetches.brokers = ['1', '2', '3'];
    fetches.answer('1');
    await new Promise(setImmediate);
    const stopped = runner.stop();
    fetches.answer('2');
    await stopped;
    expect({ left, asked: fetches.asked, spins: debug.said() > 10 }).toEqual({
      left: 1,
      asked: ['1', '2'],
      spins: false,
    });
  });

  it('when requests are out for too long, then they are found by a look once a second', () => {
    const RequestQueue = require('kafkajs/src/network/requestQueue') as new (options: object) => TimedQueue;
    const queue = new RequestQueue({
      ...{ maxInFlightRequests: 1, requestTimeout: 10_000, enforceRequestTimeout: true, clientId: 'c', broker: 'b' },
      logger: { debug() {} },
      isConnected: () => true,
    });
    jest.useFakeTimers({ now: 0 });
    try {
      const late: string[] = [];
      for (const [n, requestTimeout] of [3_000, 60_000].entries()) {
        queue.inflight.set(n, {
          sentAt: 0,
          requestTimeout,
          timeoutRequest: () => void late.push(`${n} ${Date.now()}`),
        });
      }
      queue.scheduleRequestTimeoutCheck();
      jest.advanceTimersByTime(3_500);
      expect(late).toEqual([]);
      jest.advanceTimersByTime(1_000);
      expect(late).toEqual(['0 4000']);
    } finally {
      queue.destroy();
      jest.useRealTimers();
    }
    expect(queue.requestTimeoutIntervalId).toBeDefined();
  });

  it("when the machine's clock is set back, then heartbeats, metadata and time-outs come as before", async () => {
    const RequestQueue = require('kafkajs/src/network/requestQueue') as new (options: object) => TimedQueue;
    const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => Group;
    const BrokerPool = require('kafkajs/src/cluster/brokerPool') as new (options: object) => BrokerPool;
    const logger = { namespace: () => logger, debug() {} };
    jest.useFakeTimers({ now: 7_200_000 });
    const queue = new RequestQueue({
      ...{ maxInFlightRequests: 1, requestTimeout: 10_000, enforceRequestTimeout: true, clientId: 'c', broker: 'b' },
      ...{ logger, isConnected: () => true },
    });
    try {
      const late: string[] = [];
      const request = { sentAt: Date.now(), requestTimeout: 3_000, timeoutRequest: () => void late.push('late') };
      queue.inflight.set(1, request);
      queue.scheduleRequestTimeoutCheck();
      let beats = 0;
      const group = new ConsumerGroup({
        ...{ logger, retry: {}, groupId: 'g', instrumentationEmitter: { emit() {} }, cluster: {} },
      });
      Object.assign(group, { memberId: 'm', coordinator: { heartbeat: async () => void beats++ } });
      const pool = new BrokerPool({ logger, metadataMaxAge: 10_000, connectionPoolBuilder: {} });
      let refreshed = 0;
      const expires = Date.now() + 10_000;
      const metadata = { topicMetadata: [] };
      Object.assign(pool, { metadata, metadataExpireAt: expires, refreshMetadata: async () => void refreshed++ });
      await pool.refreshMetadataIfNecessary([]);
      expect({ beats, refreshed, late }).toEqual({ beats: 0, refreshed: 0, late: [] });
      jest.setSystemTime(3_600_000);
      jest.advanceTimersByTime(5_000);
      await group.heartbeat({ interval: 500 });
      await pool.refreshMetadataIfNecessary([]);
      expect({ beats, refreshed, late: late.length > 0 }).toEqual({ beats: 1, refreshed: 1, late: true });
    } finally {
      queue.destroy();
      jest.useRealTimers();
    }
  });

  it('when a consumer fetches, then it sets the wait of each fetch and gets only partitions with records', async () => {
    const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: Group };
    const asked: { maxWaitTime: number; minBytes: number }[] = [];
    let messages: { offset: string }[] = [];
    const broker = {
      async fetch({ maxWaitTime, minBytes }: { maxWaitTime: number; minBytes: number }) {
        asked.push({ maxWaitTime, minBytes });
        const partitions = [messages, []].map((of, partition) => ({ partition, highWatermark: '9', messages: of }));
        return { responses: [{ topicName: 't', partitions }] };
      },
    };
    const cluster = { refreshMetadataIfNecessary() {}, findBroker: async () => broker } as unknown as Cluster;
    controlFetches(cluster, () => createFetchWaits(undefined));
    const group = {
      ...{ cluster, maxWaitTime: 5_000, minBytes: 7, checkForStaleAssignment() {}, async seekOffsets() {} },
      filterPartitionsByNode: (_: string, all: unknown) => all,
      subscriptionState: { assigned: () => [{ topic: 't', partitions: [0, 1] }], isPaused: () => false },
      offsetManager: { committedOffsets: () => ({ t: { 0: '0', 1: '0' } }), nextOffset: () => '0' },
      getActiveTopicPartitions: () => ({ t: new Set([0, 1]) }),
      ...{ preferredReadReplicasPerTopicPartition: {}, seekOffset: { has: () => false } },
    };
    const fetch = async (nodeId: string) => (await prototype.fetch.call(group, nodeId)).map((batch) => batch.partition);
    expect(await fetch('1')).toEqual([]);
    expect(await fetch('1')).toEqual([]);
    messages = [{ offset: '0' }];
    expect(await fetch('1')).toEqual([0]);
    expect(await fetch('1')).toEqual([0]);
    // The second broker's waits do not depend on the first one's records.
    expect(await fetch('2')).toEqual([0]);
    expect(asked.map((it) => it.maxWaitTime)).toEqual([200, 400, 800, 100, 200]);
    expect(new Set(asked.map((it) => it.minBytes))).toEqual(new Set([1]));
  });
});

describe('the wait of a fetch', () => {
  it('when fetches bring nothing, then the wait doubles up to a second, and is short again after the first record', () => {
    const waits = createFetchWaits(undefined);
    const lengths = Array.from({ length: 6 }, () => {
      const { minBytes, maxWaitTimeInMs } = waits.next();
      expect(minBytes).toBe(1);
      waits.had(false);
      return maxWaitTimeInMs;
    });
    expect(lengths).toEqual([200, 400, 800, 1_000, 1_000, 1_000]);
    waits.had(true);
    expect(waits.next()).toEqual({ minBytes: 1, maxWaitTimeInMs: 100 });
    // A session must survive some lost heartbeats, and each heartbeat waits for a fetch.
    expect(MAX_FETCH_MS).toBeLessThanOrEqual(CONSUMER_SETTINGS.sessionTimeout / 4);
  });

  it('when a group is patient, then its fetch fills up, but only while records come', () => {
    const waits = createFetchWaits(400);
    expect(waits.next().minBytes).toBe(1);
    waits.had(true);
    expect(waits.next().maxWaitTimeInMs).toBe(400);
    expect(waits.next().minBytes).toBeGreaterThan(100_000);
    waits.had(false);
    expect(waits.next().minBytes).toBe(1);
  });
});

interface TimedQueue extends Queue {
  readonly inflight: Map<number, object>;
  readonly requestTimeoutIntervalId?: unknown;
  scheduleRequestTimeoutCheck(): void;
}

interface BrokerPool {
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<void>;
}

interface Group {
  heartbeat(options: { interval: number }): Promise<void>;
  fetch(this: unknown, nodeId: string): Promise<{ partition: number }[]>;
  recoverFromOffsetOutOfRange(this: unknown, error: { topic: string; partition: number }): Promise<void>;
}

interface Runner {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** KafkaJS's debug log, which ends a loop that would never give the event loop a turn. */
function createSpinGuard() {
  let said = 0;
  const debug = (message: string) => {
    if (message !== 'consumer not running, exiting') return;
    said += 1;
    if (said > 100) throw new Error('a fetcher of a stopped consumer spins');
  };
  return Object.assign(debug, { said: () => said });
}

/** Fetches that brokers 1 and 2 answer when told to. */
function createHeldFetches() {
  const waiting = new Map<string, () => void>();
  const fetches = {
    brokers: ['1', '2'],
    asked: [] as string[],
    fetch: (nodeId: string) => {
      fetches.asked.push(nodeId);
      return new Promise<[]>((resolve) => waiting.set(nodeId, () => resolve([])));
    },
    answer: (nodeId: string) => waiting.get(nodeId)?.(),
  };
  return fetches;
}

describe('KafkaJS log lines', () => {
  it('when a group rebalances, then no warning is logged; when an outage lasts, then it is not logged at each attempt', () => {
    const said: string[] = [];
    let now = 0;
    const logger = {
      debug: () => {},
      info: () => {},
      warn: (_: object, message: string) => void said.push(message),
      error: () => {},
    };
    const sink = createLogSink(logger, () => now);
    const log = (message: string, error?: string) =>
      sink({
        namespace: 'Connection',
        level: 1,
        label: 'ERROR',
        log: { timestamp: '', logger: '', message, error },
      } as never);
    log('Response Heartbeat(key: 12, version: 3)', 'The group is rebalancing, so a rejoin is needed');
    log('The coordinator is not aware of this member, re-joining the group');
    log('Connection error: connect ECONNREFUSED 127.0.0.1:9092');
    log('Connection error: connect ECONNREFUSED 127.0.0.1:9093');
    now = 60_000;
    log('Connection error: connect ECONNREFUSED 127.0.0.1:9092');
    expect(said).toHaveLength(2);
  });
});

/** Runs some turns of the event loop: a virtual sleep takes one turn, and a commit may follow it. */
async function someTurns(): Promise<void> {
  for (let n = 0; n < 3; n += 1) await new Promise(setImmediate);
}

describe('commits', () => {
  it('when many batches are resolved, then one commit takes all, one at a time, and a failed commit is repeated', async () => {
    let commits = 0;
    let failures = 1;
    const committer = createCommitter(async () => {
      commits += 1;
      if (failures-- > 0) throw new Error('the coordinator moved');
    }, createVirtualClock());
    committer.request();
    committer.request();
    committer.request();
    await committer.flush();
    expect(commits).toBe(2);
  });

  it('when many commits are requested, then they are some time apart, unless a flush waits for them', async () => {
    const at: number[] = [];
    const clock = createVirtualClock();
    const committer = createCommitter(async () => void at.push(clock.now()), clock);
    committer.request();
    await new Promise(setImmediate);
    for (let n = 0; n < 5; n += 1) committer.request();
    await someTurns();
    expect(at).toHaveLength(2);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(COMMIT_EVERY_MS);

    // A clock whose sleep never ends by itself.
    const still = {
      now: () => 0,
      sleep: (_: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve())),
    };
    let commits = 0;
    const urgent = createCommitter(async () => void commits++, still);
    urgent.request();
    await new Promise(setImmediate);
    urgent.request();
    await new Promise(setImmediate);
    expect(commits).toBe(1);
    await urgent.flush();
    expect(commits).toBe(2);
  });

  it('when a commit is requested while the last one is just ending, then it is not forgotten', async () => {
    for (let turns = 0; turns < 12; turns += 1) {
      let commits = 0;
      const committer = createCommitter(async () => {
        commits += 1;
      }, createVirtualClock());
      committer.request();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const before = commits;
      committer.request();
      await someTurns();
      expect(commits).toBe(before + 1);
    }
  });
});

describe('a question to the leader of a partition', () => {
  const { createErrorFromCode } = require('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };
  const { KafkaJSNumberOfRetriesExceeded: Exceeded } = require('kafkajs/src/errors') as {
    KafkaJSNumberOfRetriesExceeded: new (error: unknown, retries: object) => Error;
  };
  const [noLeader, notLeader, notAuthorized] = [5, 6, 29].map(createErrorFromCode);
  const logger = silentLogger;

  it('when the named broker does not lead yet, then the question is asked again', async () => {
    const attempts: number[] = [];
    const answer = await untilLed({ clock: createVirtualClock(), logger }, async (attempt) => {
      attempts.push(attempt);
      if (attempt === 0) throw notLeader;
      if (attempt < 3) throw new Exceeded(noLeader, { retryCount: 5, retryTime: 1_000 });
      return 'led';
    });
    expect(answer).toBe('led');
    expect(attempts).toEqual([0, 1, 2, 3]);
  });

  it('when no broker leads, then the question fails at last; when the error is another, then at once', async () => {
    const clock = createVirtualClock();
    await expect(untilLed({ clock, logger }, () => Promise.reject(notLeader))).rejects.toBe(notLeader);
    expect(clock.now()).toBeGreaterThanOrEqual(15_000);
    expect(clock.now()).toBeLessThan(17_000);

    const before = clock.slept.length;
    await expect(untilLed({ clock, logger }, () => Promise.reject(notAuthorized))).rejects.toBe(notAuthorized);
    expect(clock.slept).toHaveLength(before);
  });

  it("when another question's table has replaced the one with this topic, then that is an answer to ask again, not none", async () => {
    const createAdmin = require('kafkajs/src/admin') as (options: object) => Admin;
    const quiet = { namespace: () => ({ debug() {}, info() {}, warn() {}, error() {} }) };
    const cluster = {
      addTargetTopic: async () => {},
      refreshMetadataIfNecessary: async () => {},
      findTopicPartitionMetadata: () => [],
      fetchTopicsOffset: async () => [],
      findGroupCoordinator: async () => ({
        offsetFetch: async ({ topics }: { topics: object[] }) => ({ responses: topics }),
      }),
    };
    const admin = createAdmin({ logger: quiet, cluster, retry: { retries: 0 } });
    const questions = [
      () => logRanges(admin, 'order-created'),
      () => offsetsSince(admin, 'order-created', 0),
      () => committedOffsets(admin, 'payment', ['order-created']),
    ];
    for (const question of questions) {
      const answer = await untilLed({ clock: createVirtualClock(), logger }, async (attempt) =>
        attempt === 0 ? await question() : 'asked again',
      );
      expect(answer).toBe('asked again');
      // Where it lasts, whoever asks waits, as for a broker that is away.
      const lasting = await question().catch((error: unknown) => error);
      expect([String(lasting), classify(lasting)]).toEqual([expect.stringContaining('TableReplacedError'), 'outage']);
    }
  });
});

describe('records of the producer', () => {
  it('when records go to several topics, then each topic keeps their order, and a keyless record has a fixed partition', () => {
    const record = (topic: string, key: string | null) => ({ topic, key, value: null, headers: {} });
    const grouped = toTopicMessages([record('a', '1'), record('b', '2'), record('a', '3'), record('b', null)], 7);
    expect(grouped.map(({ topic, messages }) => [topic, messages.map((m) => m.key)])).toEqual([
      ['a', ['1', '3']],
      ['b', ['2', null]],
    ]);
    expect(grouped[1]?.messages[1]?.partition).toBe(0);
  });

  it('when records exceed the size of one batch, then several are sent in order, and the largest record alone', () => {
    const sizes = [400, 400, 400, 2_000, 300, 300];
    const records = sizes.map((size, n) => ({
      topic: 't',
      key: `${n}`,
      value: Buffer.alloc(size),
      headers: { n: '1' },
    }));
    const parts = splitBySize(records, 1_000);
    expect(parts.map((part) => part.map((record) => record.key))).toEqual([['0', '1'], ['2'], ['3'], ['4', '5']]);
    expect(splitBySize([])).toEqual([]);
  });
});
