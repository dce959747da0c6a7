import type { IncomingRecord } from '../broker.ts';
import { readMessage } from '../codec/index.ts';
import { createPersistence } from '../consumer/index.ts';
import { EVENTS, type ReceivedEvent } from '../contracts/index.ts';
import type { KafkaAdmin, RecordRange } from '../kafka/index.ts';
import { REPUBLISHED } from '../store/index.ts';
import { FactsIncompleteError, type OwnFacts, RecoveryError, type RecoveryStep } from './recovery-options.ts';
import { noteRecovery } from './recovery-store.ts';

/** Most records in memory at once. */
const SLICE = 20_000;
/** The latest time there is, ms: a producer may have written a timestamp as far away. */
const LATEST = 8_640_000_000_000_000;
/** Facts that do not fit together wait for at most this many later ones. */
const MAX_PENDING = 20_000;

/**
 * Applies the service's own events in the order in which they were sent, across partitions: one relay sends them all,
 * for each row in the order of its commits. The ids of their causes go into the inbox in the same transaction.
 * @returns how many facts were applied
 */
// One function: the facts that wait, the reason why they wait and the count change together.
export async function applyOwnFacts(step: RecoveryStep): Promise<number> {
  const { own, database, store, id, batch, acceptGaps, clock, signal, logger, mayGoOn } = step;
  const persist = createPersistence({
    clock,
    signal,
    random: Math.random,
    isStale: () => false,
    heartbeat: async () => {},
    waiting: (reason) => reason && logger.warn({ error: reason }, 'recovery waits: something is away'),
  });
  let pending: ReceivedEvent[] = [];
  let incomplete: FactsIncompleteError | undefined;
  let count = 0;

  async function apply(events: readonly ReceivedEvent[], withGaps: boolean): Promise<void> {
    await database.transaction(async (tx) => {
      const now = new Date(clock.now());
      for (const [group, ids] of answeredBy(own, events)) await store.claim(tx, group, ids, now);
      await own.apply(tx, events, { acceptGaps: withGaps });
      await noteRecovery(tx, id, { facts: events.length }, now);
    });
  }

  async function add(records: readonly IncomingRecord[]): Promise<void> {
    await mayGoOn();
    const known = new Set(pending.map((event) => event.id));
    for (const event of await persist(() => readFacts(step, records))) {
      if (!known.has(event.id)) pending.push(event);
      known.add(event.id);
    }
    if (pending.length === 0) return;
    try {
      await applyPending(false);
    } catch (error) {
      // Two instances relayed with different clocks: a fact that belongs before may be among the next ones.
      if (!(error instanceof FactsIncompleteError)) throw error;
      incomplete = error;
      if (pending.length > MAX_PENDING) await acceptIncomplete(error);
    }
  }

  async function applyPending(withGaps: boolean): Promise<void> {
    await persist(() => apply(pending, withGaps));
    count += pending.length;
    pending = [];
    incomplete = undefined;
  }

  /** The facts follow on something that has not come. Where an operator accepts gaps, it is taken for missing. */
  async function acceptIncomplete(error: FactsIncompleteError): Promise<void> {
    if (!acceptGaps) throw error;
    logger.error({ error: error.message }, 'recovery goes on although something is missing before its own events');
    await applyPending(true);
  }

  // Events that were sent again to a new log stand behind younger ones, and happened before them: they come first.
  for (const sentAgain of [true, false]) {
    for (const topic of new Set(own.types.map((type) => EVENTS[type].topic))) {
      const ranges = step.ranges.filter((range) => range.topic === topic);
      for await (const slice of readSlices(step.log, ranges, step.from.getTime(), clock.now(), SLICE)) {
        const wanted = slice.filter(({ headers }) => REPUBLISHED in headers === sentAgain);
        for (const part of cut(wanted, batch)) await add(part);
      }
    }
  }
  if (incomplete) await acceptIncomplete(incomplete);
  return count;
}

/** The ids of what the events answer, sorted, by the group whose inbox gets them. */
function answeredBy(own: OwnFacts, events: readonly ReceivedEvent[]): Map<string, string[]> {
  const { group, causeGroup, answers = (event: ReceivedEvent) => event.causationId ?? [] } = own;
  const byGroup = Map.groupBy(events, ({ type }) => causeGroup?.(type) ?? group);
  const idsOf = (of: readonly ReceivedEvent[]) => [...new Set(of.flatMap(answers))].sort();
  const all = [...byGroup].sort().map(([name, of]) => [name, idsOf(of)] as const);
  return new Map(all.filter(([, ids]) => ids.length > 0));
}

async function readFacts(
  { own, codec, acceptGaps, logger }: RecoveryStep,
  records: readonly IncomingRecord[],
): Promise<ReceivedEvent[]> {
  const types = new Set<string>(own.types);
  const events: ReceivedEvent[] = [];
  for (const record of records) {
    if (!types.has(record.headers.ce_type ?? '')) continue;
    const message = await readMessage(record, codec);
    if (message.event) events.push(message.event);
    else {
      const position = `${record.topic}/${record.partition}@${record.offset}`;
      const words = `${position} says that it is ${record.headers.ce_type} and cannot be read: ${message.error}`;
      if (!acceptGaps) throw new RecoveryError(`${words}. RECOVERY_ACCEPT_GAPS=on leaves it out`);
      logger.error({ position }, `left out of the recovery: ${words}`);
    }
  }
  return events;
}

/**
 * One topic's records in slices of the broker's time, each slice in the order of that time over all partitions. A slice
 * holds about `most` records, as many as fit into memory.
 * @param now only sets the first slice's length: the clock here may differ from the broker's
 */
export async function* readSlices(
  log: Pick<KafkaAdmin, 'ranges' | 'read'>,
  ranges: readonly RecordRange[],
  from: number,
  now: number,
  most: number,
): AsyncGenerator<IncomingRecord[]> {
  let left = ranges;
  let at = from;
  let length = Math.max(1, now - from);
  while (sizeOf(left) > 0) {
    let slice = await before(log, left, at + length);
    while (sizeOf(slice) > most && length > 1) {
      length = Math.ceil(length / 4);
      slice = await before(log, left, at + length);
    }
    const records: IncomingRecord[] = [];
    await log.read(slice, (record) => records.push(record));
    if (records.length > 0) yield records.sort(bySending);
    left = left.map((range, i) => ({ ...range, from: slice[i]?.to ?? range.from }));
    at += length;
    if (sizeOf(slice) < most / 4) length *= 4;
  }
}

/** The part of the ranges that was sent before `time`; all of it for a time beyond any clock. */
async function before(
  log: Pick<KafkaAdmin, 'ranges'>,
  ranges: readonly RecordRange[],
  time: number,
): Promise<RecordRange[]> {
  if (time > LATEST) return [...ranges];
  const later = await log.ranges([...new Set(ranges.map((range) => range.topic))], new Date(time));
  return ranges.map((range) => {
    const end = later.find((it) => it.partition === range.partition)?.from ?? range.to;
    return { ...range, to: end < range.from ? range.from : end > range.to ? range.to : end };
  });
}

function sizeOf(ranges: readonly RecordRange[]): number {
  return ranges.reduce((sum, range) => sum + Number(range.to - range.from), 0);
}

function bySending(a: IncomingRecord, b: IncomingRecord): number {
  return a.timestamp - b.timestamp || bySequence(a, b) || a.partition - b.partition || byOffset(a, b);
}

/**
 * Orders records of the same millisecond by their outbox number; the relay sends hundreds of rows in one. Numbers are
 * only compared within a millisecond: a restored schema counts on from its backup's number.
 */
function bySequence({ headers: { ce_sequence: a } }: IncomingRecord, { headers: { ce_sequence: b } }: IncomingRecord) {
  if (a === undefined || b === undefined || a === b) return 0;
  return a < b ? -1 : 1;
}

function byOffset(a: IncomingRecord, b: IncomingRecord): number {
  return Number(BigInt(a.offset) - BigInt(b.offset));
}

/** Parts of at least `size` records, never cut between records of the same time: their order is not known yet. */
function* cut(records: readonly IncomingRecord[], size: number): Generator<IncomingRecord[]> {
  let part: IncomingRecord[] = [];
  for (const record of records) {
    if (part.length >= size && record.timestamp !== part.at(-1)?.timestamp) {
      yield part;
      part = [];
    }
    part.push(record);
  }
  if (part.length > 0) yield part;
}
