import { expect, it } from '@jest/globals';
import type { EachBatchPayload, Kafka, TopicPartitionOffset } from 'kafkajs';
import type { RecordBatch } from '../broker.ts';
import { silentLogger } from '../log.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { startSession } from './session.ts';

const EVENTS = ['GROUP_JOIN', 'FETCH_START', 'FETCH', 'HEARTBEAT', 'END_BATCH_PROCESS', 'CRASH'] as const;

/** A session on a consumer whose joins and batches the test says, and which notes what is committed. */
async function start(onBatch: (batch: RecordBatch) => Promise<void> = async () => {}) {
  const listeners = new Map<string, ((event: object) => void)[]>();
  const committed: string[][] = [];
  let eachBatch = (_: EachBatchPayload): Promise<void> => Promise.reject(new Error('it does not run yet'));
  const nothing = async () => {};
  const consumer = {
    ...{ connect: nothing, subscribe: nothing, disconnect: nothing },
    events: Object.fromEntries(EVENTS.map((name) => [name, name])),
    on: (name: string, listener: (event: object) => void) =>
      void listeners.set(name, [...(listeners.get(name) ?? []), listener]),
    run: async (options: { eachBatch: typeof eachBatch }) => {
      eachBatch = options.eachBatch;
    },
    commitOffsets: async (offsets: TopicPartitionOffset[]) =>
      void committed.push(offsets.map(({ topic, partition, offset }) => `${topic}/${partition} ${offset}`)),
  };
  const looks: PromiseWithResolvers<TopicPartitionOffset[]>[] = [];
  const session = await startSession({
    kafka: { consumer: () => consumer } as unknown as Kafka,
    consume: { groupId: 'g', topics: ['t'], fromBeginning: true, onBatch },
    ...{ logger: silentLogger, clock: createVirtualClock(), positions: undefined, formerMember: undefined },
    onJoin: () => {},
    startsOf() {
      const look = Promise.withResolvers<TopicPartitionOffset[]>();
      looks.push(look);
      return look.promise;
    },
  });
  const emit = (name: (typeof EVENTS)[number], payload: object) => {
    for (const listener of listeners.get(name) ?? []) listener({ payload });
  };
  return {
    session,
    committed,
    looks,
    join: (...partitions: number[]) => emit('GROUP_JOIN', { memberId: 'm', memberAssignment: { t: partitions } }),
    passMarkers: (partition: number, lastOffset: string) =>
      emit('END_BATCH_PROCESS', { topic: 't', partition, batchSize: 0, lastOffset }),
    eachBatch: (payload: EachBatchPayload) => eachBatch(payload),
  };
}

const startOf = (partition: number) => [{ topic: 't', partition, offset: '0' }];
const turn = () => new Promise(setImmediate);

it('when a group is joined anew while a look where partitions begin is under way, then only that of the last join is committed', async () => {
  const { session, committed, looks, join } = await start();
  join(0);
  join(1);
  looks[1]?.resolve(startOf(1));
  await turn();
  looks[0]?.resolve(startOf(0));
  await turn();
  await session.stop();
  expect(committed).toEqual([['t/1 0']]);
});

it('when markers were passed before a join, then their offsets are committed only as long as their partition is owned', async () => {
  const { session, committed, looks, join, passMarkers } = await start();
  join(0);
  looks[0]?.resolve([]);
  passMarkers(0, '7');
  await session.stop();
  expect(committed).toEqual([['t/0 8']]);

  const other = await start();
  other.join(0, 1);
  other.passMarkers(0, '7');
  other.join(1);
  for (const look of other.looks) look.resolve([]);
  other.passMarkers(0, '9');
  other.passMarkers(1, '3');
  await other.session.stop();
  expect(other.committed.flat()).toEqual(['t/1 4']);
});

it("when a batch is being applied at a join that gives its partition away, then it is stale, and its offsets aren't resolved", async () => {
  const begun = Promise.withResolvers<RecordBatch>();
  const finish = Promise.withResolvers<void>();
  const { session, looks, join, eachBatch } = await start(async (batch) => {
    begun.resolve(batch);
    await finish.promise;
  });
  join(0, 1);
  const resolved: string[] = [];
  const handled = eachBatch({
    batch: { topic: 't', partition: 0, messages: [], lastOffset: () => '7' },
    ...{ isRunning: () => true, isStale: () => false, heartbeat: async () => {} },
    resolveOffset: (offset: string) => void resolved.push(offset),
    uncommittedOffsets: () => ({ topics: [] }),
  } as unknown as EachBatchPayload);
  const batch = await begun.promise;
  const before = batch.isStale();
  join(1);
  for (const look of looks) look.resolve([]);
  const after = batch.isStale();
  finish.resolve();
  await handled;
  await session.stop();
  expect({ before, after, resolved }).toEqual({ before: false, after: true, resolved: [] });
});
