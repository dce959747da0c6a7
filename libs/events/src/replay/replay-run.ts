import type { Database, Transaction } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';
import type { Clock } from '../clock.ts';
import { isForOthers } from '../codec/index.ts';
import type { Subscription } from '../consumer/index.ts';
import { EVENTS, type EventType, type ReceivedEvent } from '../contracts/index.ts';
import { StaleBatchError } from '../errors.ts';
import type { KafkaAdmin } from '../kafka/index.ts';
import type { Applied, EventMetrics } from '../metrics.ts';
import { INBOX_RETENTION_DAYS } from '../store/index.ts';
import { type ReplayApplier, ReplayCancelledError, readSetAside } from './replay-apply.ts';
import { advanceReplay, isRunning, type ReplayOrder } from './replay-store.ts';

/** Most messages in one transaction: fewer than the live consumer's, which locks the same rows. */
const BATCH = 200;
/** How often the group's own lag is measured, ms. */
const LAG_MS = 1_000;

const NOTHING: Applied = { applied: 0, duplicate: 0, parked: 0, deadLettered: 0 };

export interface ReplayRun {
  readonly database: Database;
  readonly log: Pick<KafkaAdmin, 'readRuns' | 'ranges' | 'committed'>;
  readonly order: ReplayOrder;
  readonly subscription: Subscription<Transaction, EventType>;
  readonly applier: ReplayApplier<Transaction>;
  /** The decoded events that are applied; the others are skipped and not claimed. Absent: all. */
  readonly takes?: ((event: ReceivedEvent) => boolean) | undefined;
  /** Rejects when the right to replay is lost. */
  readonly holdLock: () => Promise<void>;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The state of a run. */
interface Work extends ReplayRun {
  readonly isWanted: (record: IncomingRecord) => boolean;
  /** `topic/partition` → the first offset not yet handled. */
  progress: ReplayOrder['progress'];
  /** When the group's own lag was last read, ms. */
  lagReadAt: number;
}

/**
 * Reads the rest of a replay's ranges and applies the records that pass its filters, at its rate. Rejects with
 * StaleBatchError when `signal` aborts, with ReplayCancelledError when an operator cancels.
 */
export async function carryOut(run: ReplayRun): Promise<void> {
  const { log, order, subscription } = run;
  const isWanted = wantedBy(order, subscription);
  const { progress } = order;
  const work: Work = { ...run, isWanted, progress, lagReadAt: Number.NEGATIVE_INFINITY };
  await checkHeld(log, order);
  await log.readRuns(order.ranges, async (records) => {
    // A batch holds a tenth of a second's messages, so that a slow replay is even and soon cancelled.
    const size = Math.max(1, Math.min(BATCH, subscription.maxBatch ?? BATCH, Math.ceil(order.rate / 10)));
    for (const slice of slicesOf(records, size, isWanted)) await carryOutSlice(work, slice);
  });
}

/** Whether a record is for the group and passes the replay's filters. */
function wantedBy({ filters }: ReplayOrder, subscription: ReplayRun['subscription']) {
  const interest = { handles: new Set<string>(subscription.handles), wants: subscription.wants };
  const types = filters.types && new Set(filters.types);
  return (record: IncomingRecord): boolean => {
    if (filters.key !== null && record.key !== filters.key) return false;
    if (types && !types.has(record.headers.ce_type ?? '')) return false;
    return !isForOthers(record, interest);
  };
}

/** Applies consecutive records of one partition, in one transaction with the new progress. */
async function carryOutSlice(work: Work, records: readonly IncomingRecord[]): Promise<void> {
  const { database, order, applier, metrics, clock, signal } = work;
  await mayGoOn(work);
  await waitForGroup(work);
  const last = records.at(-1);
  if (!last) return;
  const wanted = records.filter(work.isWanted);
  const { messages, counts } = await decodeSlice(work, records.length, wanted);
  const next = { ...work.progress, [`${last.topic}/${last.partition}`]: (BigInt(last.offset) + 1n).toString() };
  const finish = (tx: Transaction, outcome: Applied) =>
    advanceReplay(tx, order.id, next, counts(outcome), new Date(clock.now()));
  const outcome =
    messages.length > 0
      ? await applier.apply(messages, finish)
      : await applier.persist(() => database.transaction((tx) => finish(tx, NOTHING))).then(() => NOTHING);
  work.progress = next;
  metrics.replayed(order.group, outcome);
  // A time to wait, not one to wait for: the clock may be set back.
  if (wanted.length > 0) await clock.sleep((wanted.length * 1_000) / order.rate, signal);
}

/** The messages of a slice to be applied, and how the slice counts once they have an outcome. */
async function decodeSlice(work: Work, read: number, wanted: readonly IncomingRecord[]) {
  const { database, order, applier, takes, clock } = work;
  // Redriven letters are part of the group's projection, so a rebuild has to apply them too.
  const setAside = await readSetAside(database, order.group, wanted, {
    redriven: order.kind === 'REPLAY',
    parked: true,
  });
  const waiting = [...setAside.values()].filter((open) => open).length;
  const free = wanted.filter((record) => !setAside.has(record.offset));
  // A rebuild has a new inbox, which has forgotten nothing.
  if (order.kind === 'REPLAY') checkAge(free, clock.now());
  const decoded = await applier.decode(free);
  const messages = takes ? decoded.filter(({ event }) => !event || takes(event)) : decoded;
  const counts = (outcome: Applied) => ({
    ...outcome,
    duplicate: outcome.duplicate + setAside.size - waiting,
    parked: outcome.parked + waiting,
    skipped: read - wanted.length + decoded.length - messages.length,
  });
  return { messages, counts };
}

async function mayGoOn({ signal, holdLock }: Work): Promise<void> {
  if (signal.aborted) throw new StaleBatchError('the service is stopping');
  await holdLock();
}

/** Pauses the replay while the live group is behind: the group comes first. */
async function waitForGroup(work: Work): Promise<void> {
  const { database, log, order, subscription, clock, signal } = work;
  // A reading of a later time is no newer one: the clock was set back since.
  if (Math.abs(clock.now() - work.lagReadAt) < LAG_MS) return;
  const topics = [...new Set(subscription.handles.map((type) => EVENTS[type].topic))];
  for (;;) {
    const behind = await lagOf(log, order.group, topics);
    work.lagReadAt = clock.now();
    if (behind <= order.maxLag) return;
    if (!(await isRunning(database, order.id))) throw new ReplayCancelledError(`replay ${order.id} was cancelled`);
    await clock.sleep(LAG_MS, signal);
    await mayGoOn(work);
  }
}

/**
 * Consecutive slices of at most `size` wanted records, however many unwanted ones lie between: these only cost reading,
 * and must not cost a transaction each. The slices together hold all records, so that progress can be noted.
 */
export function slicesOf<R>(records: readonly R[], size: number, isWanted: (record: R) => boolean): R[][] {
  const slices: R[][] = [];
  let slice: R[] = [];
  let wanted = 0;
  for (const record of records) {
    if (isWanted(record) && ++wanted > size) {
      slices.push(slice);
      slice = [];
      wanted = 1;
    }
    slice.push(record);
  }
  return slice.length > 0 ? [...slices, slice] : slices;
}

/** Fails when retention has removed the beginning of a replay that waited for long. */
async function checkHeld(log: Pick<KafkaAdmin, 'ranges'>, { ranges }: ReplayOrder): Promise<void> {
  const lows = await log.ranges([...new Set(ranges.map((range) => range.topic))]);
  for (const { topic, partition, from, to } of ranges) {
    const low = lows.find((it) => it.topic === topic && it.partition === partition)?.low ?? 0n;
    if (from < to && from < low) throw new Error(`${topic}/${partition} begins at ${low} now: ${from} is gone`);
  }
}

/** Fails for records older than the inbox remembers: they would be applied twice. */
function checkAge(records: readonly IncomingRecord[], now: number): void {
  const oldest = now - INBOX_RETENTION_DAYS * 86_400_000;
  const old = records.find((record) => record.timestamp < oldest);
  if (!old) return;
  const { topic, partition, offset, timestamp } = old;
  throw new Error(
    `${topic}/${partition}@${offset} was sent on ${new Date(timestamp).toISOString()}: inboxes remember ${INBOX_RETENTION_DAYS} days, so it could be applied twice`,
  );
}

/** The number of messages of these topics that a group has not reached. */
export async function lagOf(
  log: Pick<KafkaAdmin, 'ranges' | 'committed'>,
  group: string,
  topics: readonly string[],
): Promise<bigint> {
  const committed = await log.committed(group, topics);
  const positions = new Map(committed.map((it) => [`${it.topic}/${it.partition}`, it.offset]));
  let behind = 0n;
  for (const { topic, partition, low, to } of await log.ranges(topics)) {
    const position = BigInt(positions.get(`${topic}/${partition}`) ?? low);
    // What retention has removed is never read.
    const next = position > low ? position : low;
    if (to > next) behind += to - next;
  }
  return behind;
}
