import { expect, it } from '@jest/globals';
import type { Database, Transaction } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';
import { type Codec, createCodecOn } from '../codec/index.ts';
import { noMetrics } from '../metrics.ts';
import { createMemoryRegistry } from '../testing/memory-registry.ts';
import { orderCreated, orderId, recordOf } from '../testing/samples.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import type { ReplayApplier } from './replay-apply.ts';
import { carryOut } from './replay-run.ts';
import type { ReplayOrder } from './replay-store.ts';

/**
 * Replays three messages, a batch each, at 100 messages a second.
 * @param before called before each batch is read, with its number and a way to set the clock
 * @param behind the group's lag at each look
 */
async function replayThree({
  before = () => {},
  behind = () => 0,
  early = 0,
}: {
  before?: (n: number, setClock: (ms: number) => void) => void;
  behind?: (look: number) => number;
  early?: number;
}) {
  const codec: Codec = createCodecOn(createMemoryRegistry());
  await codec.ready();
  const virtual = createVirtualClock(10_000_000);
  let change = 0;
  const clock = {
    now: () => virtual.now() + change,
    // A timer may fire a little early.
    async sleep(ms: number, signal?: AbortSignal) {
      said.push(`sleep ${ms}`);
      change -= early;
      await virtual.sleep(ms, signal);
    },
  };
  const said: string[] = [];
  let looks = 0;
  const order: ReplayOrder = {
    ...{ id: 1, kind: 'REBUILD', group: 'ranking', filters: { types: null, key: null } },
    ...{ ranges: [], progress: {}, rate: 100, maxLag: 10 },
  };
  const topic = { topic: 'order-events', partition: 0 };
  await carryOut({
    database: { query: async (sql: string) => (sql.includes('replay') ? [{}] : []) } as unknown as Database,
    log: {
      committed: async () => [{ ...topic, offset: '0' }],
      ranges: async () => [{ ...topic, from: 0n, low: 0n, to: BigInt(behind(++looks)) }],
      async readRuns(_, take) {
        for (const n of [1, 2, 3]) {
          before(n, (ms) => {
            change += ms;
          });
          const records: IncomingRecord[] = [recordOf(codec, orderCreated(orderId(n)), n)];
          await take(records);
        }
      },
    } as Parameters<typeof carryOut>[0]['log'],
    order,
    subscription: { group: 'ranking', handles: ['order-created'], handle: async () => {} },
    applier: {
      decode: async (records: readonly IncomingRecord[]) => records.map((record) => ({ record })),
      async apply(messages: readonly unknown[]) {
        said.push(`applied ${messages.length}`);
        return { applied: messages.length, duplicate: 0, parked: 0, deadLettered: 0 };
      },
    } as unknown as ReplayApplier<Transaction>,
    holdLock: async () => {},
    metrics: noMetrics,
    clock,
    signal: new AbortController().signal,
  });
  return said;
}

it('when the clock is set back between two batches, then the replay sleeps no longer than its rate says', async () => {
  const said = await replayThree({
    before(n, setClock) {
      if (n === 2) setClock(-3_600_000);
    },
  });
  expect(said).toEqual(['applied 1', 'sleep 10', 'applied 1', 'sleep 10', 'applied 1', 'sleep 10']);
});

it('when the clock is set back while the group falls behind, then the replay sees it and pauses for the group', async () => {
  let isBehind = false;
  const said = await replayThree({
    before(n, setClock) {
      if (n !== 2) return;
      setClock(-3_600_000);
      isBehind = true;
    },
    // The second look is the one at the ranges.
    behind: (look) => (isBehind && look < 5 ? 100 : 0),
  });
  expect(said.slice(0, 6)).toEqual(['applied 1', 'sleep 10', 'sleep 1000', 'sleep 1000', 'applied 1', 'sleep 10']);
});

it('when a timer fires early while the group is behind, then the replay goes on waiting', async () => {
  const said = await replayThree({ behind: (look) => (look < 5 ? 100 : 0), early: 1 });
  expect(said.slice(0, 4)).toEqual(['sleep 1000', 'sleep 1000', 'sleep 1000', 'applied 1']);
});
