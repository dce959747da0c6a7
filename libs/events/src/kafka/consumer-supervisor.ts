import type { Admin, Kafka, TopicPartitionOffset } from 'kafkajs';
import type { BrokerConsumer, ConsumeOptions } from '../broker.ts';
import { atMost, type Clock, WOKEN } from '../clock.ts';
import { describe, withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { EventMetrics } from '../metrics.ts';
import { createRepeats, type Repeats } from '../repeats.ts';
import { logRanges } from './offsets.ts';
import { OffsetOutOfRangeError } from './patches.ts';
import { groupPlaces, type LostPlace, lostAmong } from './places.ts';
import { createRestarts, LASTING_MS, type Restarts, SETTLED_MS } from './restarts.ts';
import { type Session, type SessionOptions, startSession } from './session.ts';

/** How often a halted group checks whether an operator has repaired its offsets, ms. */
const HALTED_MS = 5_000;

export interface SupervisorOptions {
  readonly kafka: Kafka;
  /** Runs work on a connected admin client, which its owner replaces when it fails. */
  readonly admin: <T>(work: (admin: Admin) => Promise<T>) => Promise<T>;
  readonly consume: ConsumeOptions;
  readonly logger: EventLogger;
  readonly metrics: EventMetrics;
  readonly clock: Clock;
  /** Default: a session of KafkaJS. */
  readonly start?: (options: SessionOptions) => Promise<Session>;
}

/** A group's consumer over all its sessions. */
interface Work extends SupervisorOptions {
  readonly stopping: AbortSignal;
  readonly joined: PromiseWithResolvers<void>;
  readonly restarts: Restarts;
  /** Lines about a halted group. */
  readonly repeats: Repeats;
  /** See `SessionOptions`. */
  positions: Map<string, string> | undefined;
  session: Session | undefined;
  /** Whether the newest session has joined. */
  joinedNow: boolean;
  /** Committed offsets that were beyond the log's end, by `topic/partition`. */
  beyond: ReadonlyMap<string, bigint>;
  /** Whether the group had an offset committed in each partition when it was last compared with the log. */
  isPlaced: boolean;
  /** The member of the newest session that has joined. */
  member: string | undefined;
  /** The newest look for where assigned partitions begin; a session that was abandoned leaves it behind. */
  looking: Promise<unknown>;
}

/**
 * A consumer that never dies silently: whatever ends the KafkaJS client, a new client is made, with back-off. Before
 * each start the group's committed offsets are compared with the log; if its place there is gone, the group halts and
 * alerts.
 */
export function superviseConsumer(options: SupervisorOptions): BrokerConsumer {
  const stopping = new AbortController();
  const work: Work = {
    ...options,
    stopping: stopping.signal,
    joined: Promise.withResolvers<void>(),
    restarts: createRestarts({ ...options, groupId: options.consume.groupId }),
    repeats: createRepeats(() => options.clock.now()),
    joinedNow: false,
    beyond: new Map(),
    isPlaced: false,
    positions: undefined,
    session: undefined,
    member: undefined,
    looking: Promise.resolve(),
  };
  const ended = supervise(work);
  return {
    ready: () => work.joined.promise,
    async stop() {
      stopping.abort();
      await work.session?.stop();
      // Waits 3 s at most: a client may still be trying to connect to a broker that is away.
      await atMost(options.clock, 3_000, Promise.allSettled([ended, work.looking]));
    },
  };
}

/** Runs session after session. Never rejects. */
async function supervise(work: Work): Promise<void> {
  const { clock, stopping, restarts } = work;
  while (!stopping.aborted) {
    try {
      work.joinedNow = false;
      await live(work);
    } catch (error) {
      const halted = isOutOfRange(error);
      if (halted) reportHalted(work, error);
      await clock.sleep(halted ? HALTED_MS : restarts.ended(error, work.joinedNow), stopping);
    }
  }
}

function reportHalted({ consume: { groupId }, metrics, logger, repeats }: Work, error: unknown): void {
  metrics.consumerRestarted(groupId);
  metrics.groupHalted(groupId, true);
  const leftOut = repeats.due('halted');
  if (leftOut === undefined) return;
  const details = { groupId, error: describe(error), ...(leftOut > 0 && { leftOut }) };
  logger.error(details, 'group halted: its place in the log is gone, and messages with it: npm run ops -- republish');
}

/** Runs one session. Rejects when it has died; resolves when the consumer stops. */
async function live(work: Work): Promise<void> {
  const { kafka, consume, logger, clock, stopping, start = startSession } = work;
  await checkOffsets(work);
  if (!consume.fromBeginning) work.positions ??= await findEnds(work);
  if (stopping.aborted) return;
  const { positions, member: formerMember } = work;
  const over = new AbortController();
  const onJoin = (memberId: string) => {
    work.member = memberId;
    if (!work.joinedNow) void untilSettled(work, over.signal);
    work.joinedNow = true;
    work.restarts.joined();
    work.joined.resolve();
  };
  try {
    const startsOf = (assigned: ReadonlySet<string>) => {
      const starts = unplacedStarts(work, assigned);
      work.looking = Promise.allSettled([starts]);
      return starts;
    };
    const current = await start({ kafka, consume, logger, clock, positions, formerMember, onJoin, startsOf });
    work.session = current;
    if (stopping.aborted) return await current.stop();
    const stopped = Promise.withResolvers<undefined>();
    stopping.addEventListener('abort', () => stopped.resolve(undefined), { once: true });
    const error = await Promise.race([current.ended, stopped.promise]);
    if (!error) return;
    current.abandon();
    throw error;
  } finally {
    over.abort(WOKEN);
    // The partitions of a client that has ended are another member's, or will be assigned again.
    consume.onAssigned?.(new Set());
  }
}

/** Notes that a membership has lasted, unless it is over before. */
async function untilSettled({ clock, restarts }: Work, over: AbortSignal): Promise<void> {
  await clock.sleep(SETTLED_MS, over);
  if (over.aborted) return;
  restarts.settled();
  await clock.sleep(LASTING_MS - SETTLED_MS, over);
  if (!over.aborted) restarts.lasted();
}

async function checkOffsets(work: Work): Promise<void> {
  const { admin, consume, metrics, clock } = work;
  const { groupId, topics, fromBeginning, isKnown } = consume;
  if (!fromBeginning) return;
  const places = await admin((client) => groupPlaces(client, groupId, topics, clock.now()));
  // The inbox is asked only where it matters: a group that has committed everywhere is known.
  work.isPlaced = places.every((place) => place.committed !== undefined);
  const known = !work.isPlaced && ((await isKnown?.()) ?? false);
  const lost = lostAmong(places, known, work.beyond);
  work.beyond = beyondEnd(lost, work.beyond);
  metrics.groupHalted(groupId, lost.length > 0);
  if (lost.length > 0) throw new OffsetOutOfRangeError(lost.map((place) => place.words).join('; '));
}

/** The committed offsets that are, or were, beyond the log's end, and have not been changed since. */
function beyondEnd(lost: readonly LostPlace[], before: ReadonlyMap<string, bigint>): Map<string, bigint> {
  const beyond = new Map<string, bigint>();
  for (const { topic, partition, committed, high } of lost) {
    const name = `${topic}/${partition}`;
    if (committed !== undefined && (committed > high || before.get(name) === committed)) beyond.set(name, committed);
  }
  return beyond;
}

/**
 * Where the assigned partitions begin of which the group has no offset. They are committed at once: else a partition in
 * which nothing was read yet would look like one whose offset is gone.
 */
async function unplacedStarts(work: Work, assigned: ReadonlySet<string>): Promise<TopicPartitionOffset[]> {
  const { admin, consume, clock, stopping } = work;
  if (!consume.fromBeginning || work.isPlaced || stopping.aborted) return [];
  const places = await admin((client) => groupPlaces(client, consume.groupId, consume.topics, clock.now()));
  return places
    .filter(({ topic, partition, committed }) => committed === undefined && assigned.has(`${topic}/${partition}`))
    .map(({ topic, partition, low }) => ({ topic, partition, offset: String(low) }));
}

/**
 * Finds the end of the log before the group joins. A group that starts at the end begins exactly there, so later
 * records are not missed.
 */
async function findEnds({ admin, consume }: Work): Promise<Map<string, string>> {
  const ends = new Map<string, string>();
  for (const topic of consume.topics) {
    for (const { partition, high } of await admin((client) => logRanges(client, topic))) {
      ends.set(`${topic}/${partition}`, high);
    }
  }
  return ends;
}

function isOutOfRange(error: unknown): boolean {
  for (const cause of withCauses(error)) {
    if (cause instanceof OffsetOutOfRangeError || cause.name === 'OffsetOutOfRangeError') return true;
  }
  return false;
}
