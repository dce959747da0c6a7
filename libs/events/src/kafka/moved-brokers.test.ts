import { createRequire } from 'node:module';
import { describe, expect, it, jest } from '@jest/globals';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createCommitter } from './committer.ts';
import { patchKafkaJs } from './patches.ts';

const require = createRequire(import.meta.url);
patchKafkaJs();

type Method = (this: unknown, argument?: unknown) => Promise<unknown>;
const prototypeOf = (path: string) => (require(path) as { prototype: Record<string, Method> }).prototype;

/** An error as KafkaJS names and types it. */
function fault(name: string, type?: string): Error {
  return Object.assign(new Error(type ?? name), { name, ...(type && { type }) });
}

const UNREACHABLE = fault('KafkaJSConnectionError');
/** A broker whose machine takes connections and bytes, and never answers. */
const HANGS = fault('KafkaJSRequestTimeoutError');

describe('a consumer whose coordinator has moved', () => {
  it('when a commit was refused by the former one, then the next commit goes to the present one', async () => {
    const { commitOffsets } = prototypeOf('kafkajs/src/consumer/offsetManager');
    const asked: string[] = [];
    const former = {
      isConnected: () => true,
      async offsetCommit() {
        asked.push('former');
        throw fault('KafkaJSProtocolError', 'NOT_COORDINATOR_FOR_GROUP');
      },
    };
    const present = { isConnected: () => true, offsetCommit: async () => void asked.push('present') };
    const cluster = { refreshMetadata: async () => {}, findGroupCoordinator: async () => present };
    const manager = Object.assign(Object.create(prototypeOf('kafkajs/src/consumer/offsetManager')), {
      ...{ groupId: 'g', cluster, coordinator: former, instrumentationEmitter: { emit() {} } },
      committedOffsets: () => ({}),
    });
    const offsets = { topics: [{ topic: 't', partitions: [] }] };
    await expect(commitOffsets?.call(manager, offsets)).rejects.toThrow('NOT_COORDINATOR');
    await commitOffsets?.call(manager, offsets).catch(() => {}); // What it notes afterwards needs more of KafkaJS.
    expect(asked).toEqual(['former', 'present']);
  });

  it('when the former one cannot be reached for a heartbeat or does not answer, then the present one is found; any other error stays', async () => {
    const { heartbeat } = prototypeOf('kafkajs/src/consumer/consumerGroup');
    const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => object;
    const logger = { namespace: () => ({}) };
    const member = (error: Error) =>
      Object.assign(
        new ConsumerGroup({
          ...{ logger, retry: {}, groupId: 'g', instrumentationEmitter: { emit() {} } },
          cluster: { findGroupCoordinator: async () => 'present' },
        }),
        {
          ...{ memberId: 'm', lastRequest: 0 },
          coordinator: {
            async heartbeat() {
              throw error;
            },
          } as unknown,
        },
      );
    for (const error of [UNREACHABLE, HANGS]) {
      const cut = member(error);
      await heartbeat?.call(cut, { interval: 0 });
      expect(cut.coordinator).toBe('present');
    }
    const moved = member(fault('KafkaJSProtocolError', 'NOT_COORDINATOR_FOR_GROUP'));
    await expect(heartbeat?.call(moved, { interval: 0 })).rejects.toThrow('NOT_COORDINATOR');
  });

  it('when a broker cannot be reached for a fetch or does not answer it, then the leaders are asked for anew', async () => {
    const { recoverFromFetch } = prototypeOf('kafkajs/src/consumer/consumerGroup');
    let refreshed = 0;
    const group = { cluster: { refreshMetadata: async () => void refreshed++ } };
    await recoverFromFetch?.call(group, UNREACHABLE);
    await recoverFromFetch?.call(group, HANGS);
    expect(refreshed).toBe(2);
    await expect(recoverFromFetch?.call(group, fault('KafkaJSProtocolError', 'OTHER'))).rejects.toThrow('OTHER');
  });

  it('when a broker cannot be reached for a fetch for half a minute, then the error stays, unless others failed', async () => {
    const { recoverFromFetch } = prototypeOf('kafkajs/src/consumer/consumerGroup');
    const group = { cluster: { refreshMetadata: async () => {} } };
    const of = (broker: string) => Object.assign(fault('KafkaJSConnectionError'), { broker });
    const now = jest.spyOn(performance, 'now');
    try {
      for (let second = 0; second <= 30; second += 10) {
        now.mockReturnValue(second * 1_000);
        await recoverFromFetch?.call(group, of('a:1'));
        if (second === 30) await recoverFromFetch?.call(group, of('b:1'));
      }
      now.mockReturnValue(31_000);
      await expect(recoverFromFetch?.call(group, of('a:1'))).rejects.toThrow('KafkaJSConnectionError');
      await recoverFromFetch?.call(group, of('b:1'));
      now.mockReturnValue(60_000);
      await recoverFromFetch?.call(group, of('a:1'));
    } finally {
      now.mockRestore();
    }
  });

  it('when commits fail for long, then it is told with the reason, and since when', async () => {
    const told: [string, number][] = [];
    const clock = createVirtualClock();
    let left = 3;
    const committer = createCommitter(
      async () => {
        if (left-- > 0) throw UNREACHABLE;
      },
      clock,
      (error, forMs) => told.push([error instanceof Error ? error.name : '', forMs]),
    );
    committer.request();
    await committer.flush();
    expect(told.map(([name]) => name)).toEqual(Array.from({ length: 3 }, () => 'KafkaJSConnectionError'));
    expect(told.map(([, forMs]) => forMs)).toEqual([0, 300, 600]);
  });
});
