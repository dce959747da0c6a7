import { expect, it } from '@jest/globals';
import type { Admin, Kafka } from 'kafkajs';
import type { ConsumeOptions } from '../broker.ts';
import type { Clock } from '../clock.ts';
import type { EventLogger } from '../log.ts';
import { noMetrics } from '../metrics.ts';
import { superviseConsumer } from './consumer-supervisor.ts';
import { LASTING_MS, SETTLED_MS } from './restarts.ts';
import type { Session, SessionOptions } from './session.ts';

const TOPICS = {
  groupId: 'payment',
  topics: [],
  fromBeginning: true,
  onBatch: async () => {},
} satisfies ConsumeOptions;

const atTheStart = async () => [{ partition: 0, offset: '0', high: '0', low: '0' }];
const EMPTY_LOG = { fetchTopicOffsets: atTheStart, fetchTopicOffsetsByTimestamp: atTheStart };

/** Runs a consumer whose n-th session is as `session` says, until `sessions` of them have ended. */
async function run(
  sessions: number,
  session: (n: number, options: SessionOptions) => 'ends' | 'lasts' | 'cannot join',
  consume: ConsumeOptions = TOPICS,
) {
  const lines: { level: string; message: string; details: Record<string, unknown> }[] = [];
  const restarting: boolean[] = [];
  const slept: number[] = [];
  const over = Promise.withResolvers<void>();
  const lasted = Promise.withResolvers<void>();
  let time = 0;
  let lasts = false;
  const clock: Clock = {
    now: () => time,
    async sleep(ms, signal) {
      // A membership is settled only where the test says that it lasts.
      if (ms === SETTLED_MS && !lasts)
        return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
      time += ms;
      // The stop waits too, 3 s.
      if (![SETTLED_MS, LASTING_MS - SETTLED_MS, 3_000].includes(ms)) slept.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
      if (ms === LASTING_MS - SETTLED_MS) setImmediate(lasted.resolve);
    },
  };
  const note = (level: string) => (details: object, message: string) =>
    void lines.push({ level, message, details: details as Record<string, unknown> });
  const logger: EventLogger = { debug() {}, info: note('info'), warn: note('warn'), error: note('error') };
  let n = 0;
  const start = async (options: SessionOptions): Promise<Session> => {
    if (n === sessions) over.resolve();
    n += 1;
    const kind = n > sessions ? 'lasts' : session(n, options);
    lasts = kind === 'lasts' && n <= sessions;
    if (kind === 'cannot join') throw new Error('connect ECONNREFUSED');
    options.onJoin(`member ${n}`);
    const ended = Promise.withResolvers<Error>();
    const end = () => ended.resolve(new Error(`cannot read offset ${n}`));
    if (lasts) void lasted.promise.then(end);
    else if (n <= sessions) setTimeout(end);
    return { ended: ended.promise, stop: async () => {}, abandon() {} };
  };
  const admin = async <T>(work: (admin: Admin) => Promise<T>) =>
    await work({ fetchOffsets: async () => [] } as unknown as Admin);
  const metrics = { ...noMetrics, consumerRestarting: (_: string, now: boolean) => void restarting.push(now) };
  const options = { kafka: {} as Kafka, admin, consume, logger, metrics, clock, start };
  const consumer = superviseConsumer(options);
  await over.promise;
  await consumer.stop();
  return { lines, restarting, slept };
}

it('when a client joins and ends again and again, then it is started ever less often, and the log says so once a minute', async () => {
  const { lines, restarting, slept } = await run(60, () => 'ends');
  expect(slept.slice(0, 3).every((ms, n) => ms <= 100 * 2 ** n)).toBe(true);
  expect(slept.slice(10, 59).every((ms) => ms >= 7_500 && ms <= 15_000)).toBe(true);
  const minutes = slept.reduce((sum, ms) => sum + ms, 0) / 60_000;
  expect(lines.length).toBeLessThanOrEqual(minutes + 2);
  expect(lines[0]).toMatchObject({ level: 'warn', message: 'consumer ended, starting it again' });
  expect(lines.at(-1)).toMatchObject({ level: 'error', details: { leftOut: expect.any(Number) } });
  // After each end, and after each join.
  expect(restarting.slice(0, 8)).toEqual([false, false, false, false, false, true, true, true]);
});

it('when a membership lasts, then its end is a new matter: said at once, and started again at once', async () => {
  const { lines, restarting, slept } = await run(12, (n) => (n === 11 ? 'lasts' : 'ends'));
  expect(lines).toContainEqual(
    expect.objectContaining({ message: 'consumer runs again', details: expect.objectContaining({ restarts: 10 }) }),
  );
  expect(slept[10]).toBeLessThanOrEqual(100);
  expect(restarting.at(-1)).toBe(false);
});

it('when the broker is away, then the client tries every second, and only long in vain counts as restarting', async () => {
  const { restarting, slept } = await run(35, () => 'cannot join');
  expect(Math.max(...slept)).toBeLessThanOrEqual(1_000);
  expect(restarting.indexOf(true)).toBe(29);
});

it('when a consumer stops while it looks where its partitions begin, then the stop waits for the look', async () => {
  const look = Promise.withResolvers<void>();
  const joined = Promise.withResolvers<void>();
  const asleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
  let asked = 0;
  const fetchOffsets = async () => {
    asked += 1;
    if (asked === 2) await look.promise;
    return [{ topic: 'order-created', partitions: [{ partition: 0, offset: asked === 1 ? '-1' : '0' }] }];
  };
  const admin = async <T>(work: (admin: Admin) => Promise<T>) =>
    await work({ fetchOffsets, ...EMPTY_LOG } as unknown as Admin);
  const quiet: EventLogger = { debug() {}, info() {}, warn() {}, error() {} };
  const consumer = superviseConsumer({
    kafka: {} as Kafka,
    admin,
    consume: { ...TOPICS, topics: ['order-created'] },
    logger: quiet,
    metrics: noMetrics,
    clock: { now: () => 0, sleep: asleep },
    async start({ onJoin, startsOf }) {
      onJoin('member 1');
      void startsOf(new Set(['order-created/0']));
      joined.resolve();
      return { ended: new Promise(() => {}), stop: async () => {}, abandon() {} };
    },
  });
  await joined.promise;
  let isStopped = false;
  const stopped = consumer.stop().then(() => {
    isStopped = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect({ asked, isStopped }).toEqual({ asked: 2, isStopped: false });
  look.resolve();
  await stopped;
});

it('when a client has ended, then the consumer is told that it has no partitions, until it joins again', async () => {
  const told: string[][] = [];
  const onAssigned = (partitions: ReadonlySet<string>) => void told.push([...partitions]);
  const join = (n: number, { consume }: SessionOptions) => {
    consume.onAssigned?.(new Set([`order-events/${n}`]));
    return 'ends' as const;
  };
  await run(2, join, { ...TOPICS, onAssigned });
  expect(told.slice(0, 4)).toEqual([['order-events/1'], [], ['order-events/2'], []]);
});
