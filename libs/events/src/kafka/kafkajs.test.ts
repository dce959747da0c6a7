import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../runtime.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createLogSink } from './client.ts';
import { COMMIT_EVERY_MS, createCommitter } from './committer.ts';
import { untilLed } from './leaders.ts';
import { patchKafkaJs } from './patches.ts';
import { splitBySize, toTopicMessages } from './records.ts';

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

  it('leave no timer in a request queue that has nothing pending (its issue 1751)', () => {
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

  it('refuse to go on silently from elsewhere when a group lost its place in the log', async () => {
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
});

interface Group {
  recoverFromOffsetOutOfRange(this: unknown, error: { topic: string; partition: number }): Promise<void>;
}

describe('KafkaJS log lines', () => {
  it('of ordinary rebalances are no warnings, and an outage is not repeated at each attempt', () => {
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
    now = 6_000;
    log('Connection error: connect ECONNREFUSED 127.0.0.1:9092');
    expect(said).toHaveLength(2);
  });
});

/** A sleep of the virtual clock is a turn of the event loop, and a commit may follow on one. */
async function someTurns(): Promise<void> {
  for (let n = 0; n < 3; n += 1) await new Promise(setImmediate);
}

describe('commits', () => {
  it('of many batches are one, one at a time, and a failed one is tried again', async () => {
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

  it('are some time apart under load, unless somebody waits for them', async () => {
    const at: number[] = [];
    const clock = createVirtualClock();
    const committer = createCommitter(async () => void at.push(clock.now()), clock);
    committer.request();
    await new Promise(setImmediate);
    for (let n = 0; n < 5; n += 1) committer.request();
    await someTurns();
    expect(at).toHaveLength(2);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(COMMIT_EVERY_MS);

    // Nobody sleeps this out.
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

  it('that are asked for while the last one is just ending are not forgotten', async () => {
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

  it('is asked again while the broker that is named does not lead yet', async () => {
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

  it('fails at last when nobody leads, and at once with any other error', async () => {
    const clock = createVirtualClock();
    await expect(untilLed({ clock, logger }, () => Promise.reject(notLeader))).rejects.toBe(notLeader);
    expect(clock.now()).toBeGreaterThanOrEqual(15_000);
    expect(clock.now()).toBeLessThan(17_000);

    const before = clock.slept.length;
    await expect(untilLed({ clock, logger }, () => Promise.reject(notAuthorized))).rejects.toBe(notAuthorized);
    expect(clock.slept).toHaveLength(before);
  });
});

describe('records', () => {
  it('of several topics keep their order in each, and a keyless one never draws its partition', () => {
    const record = (topic: string, key: string | null) => ({ topic, key, value: null, headers: {} });
    const grouped = toTopicMessages([record('a', '1'), record('b', '2'), record('a', '3'), record('b', null)], 7);
    expect(grouped.map(({ topic, messages }) => [topic, messages.map((m) => m.key)])).toEqual([
      ['a', ['1', '3']],
      ['b', ['2', null]],
    ]);
    expect(grouped[1]?.messages[1]?.partition).toBe(0);
  });

  it('of more bytes than the broker takes in one batch are sent in several, in order, the largest alone', () => {
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
