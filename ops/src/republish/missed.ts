import {
  type Envelope,
  type EventType,
  envelopeOf,
  INBOX_RETENTION_DAYS,
  type IncomingRecord,
  type KafkaAdmin,
  type LostPlace,
  lostAmong,
  type NewPlace,
  type PastEvent,
} from '@shop/events';
import type { Group } from '../../../services/groups.ts';
import { PUBLICATIONS, type Publication } from '../../../services/publications.ts';
import { schemaOf } from '../../../services/services.ts';
import { appliedAmong, isFor, topicsOf, WAITING } from '../audit/groups.ts';
import { connectSql, type SqlReader } from '../sql.ts';
import { withClosing } from '../with-closing.ts';

const DAY_MS = 86_400_000;

/** An event that a group has neither applied, nor set aside, nor before it on the log. */
export interface Missed extends Envelope {
  readonly service: string;
  readonly past: PastEvent;
  readonly at: Date;
}

/** What a group missed, and where it can go on. */
export interface GroupPlan {
  readonly group: Group;
  readonly lost: readonly LostPlace[];
  /** The offsets that a group without its place gets, also where it has none yet; else none. */
  readonly places: readonly NewPlace[];
  readonly missed: readonly Missed[];
}

/**
 * Events that happened earlier are not looked at: the inbox may have forgotten that they were applied. It remembers a
 * day more, for the command to end in time.
 */
export function oldestKnown(now: number): Date {
  return new Date(now - (INBOX_RETENTION_DAYS - 1) * DAY_MS);
}

/** A group, with the ids that need not be brought to it. */
interface Candidate {
  readonly group: Group;
  readonly lost: readonly LostPlace[];
  readonly places: readonly NewPlace[];
  /** The end of what was read of each partition, by `topic/partition`. */
  readonly ends: Map<string, bigint>;
  readonly covered: Set<string>;
  readonly missed: Map<string, Missed>;
}

export interface Sources {
  readonly log: Pick<KafkaAdmin, 'places' | 'ranges' | 'read'>;
  /** Reads every schema. */
  readonly sql: SqlReader;
  /** URL of a user who may read every schema; no schema in the path. */
  readonly auditDatabase: string;
}

/**
 * Finds what groups missed: events that follow from the publishers' rows, and that a group wants, without those in its
 * inbox, in its open letters, or in front of it on the log.
 *
 * The order of reading makes it right while the shop runs: first the log in front of each group, then a publisher's
 * outbox and rows in one snapshot, then the log's tail. An event of the rows was in the outbox then, or had been sent,
 * and is on the log by the end of the tail. The inbox only grows: reading it late never counts an event as missed.
 */
export async function findMissed(sources: Sources, groups: readonly Group[], since: Date): Promise<GroupPlan[]> {
  const candidates: Candidate[] = [];
  for (const group of groups) candidates.push(await lookAhead(sources, group));
  for (const publication of PUBLICATIONS) {
    const wanting = candidates.filter(({ group }) => hears(group, publication.types));
    if (wanting.length > 0) await compareRows(sources, publication, wanting, since);
  }
  for (const candidate of candidates) await readTail(sources, candidate);
  return candidates.map(({ group, lost, places, missed }) => ({ group, lost, places, missed: [...missed.values()] }));
}

/** What the events that these groups hear lack when they are derived from rows, in words. */
export function partlyKnown(groups: readonly Group[]): string[] {
  return PUBLICATIONS.filter(({ types }) => groups.some((group) => hears(group, types))).flatMap(
    ({ partly }) => partly ?? [],
  );
}

function hears({ handles }: Group, types: readonly EventType[]): boolean {
  return handles.some((type) => types.includes(type));
}

/** Reads the log in front of the group, from where it stands or can go on. */
async function lookAhead({ log, sql }: Sources, group: Group): Promise<Candidate> {
  const stands = await log.places(group.group, topicsOf(group));
  const applied = await sql.query(
    `SELECT 1 FROM ${schemaOf(group.service)}.processed_event WHERE consumer_group = ? LIMIT 1`,
    [group.group],
  );
  const lost = lostAmong(stands, applied.length > 0);
  const covered = await openLetters(sql, group);
  const ranges = stands.map(({ topic, partition, low, high: to, committed }) => {
    const next = lost.find((it) => it.topic === topic && it.partition === partition)?.next;
    return {
      topic,
      partition,
      from: next ?? committed ?? low,
      to,
      isMoved: next !== undefined || committed === undefined,
    };
  });
  const moved = lost.length > 0 ? ranges.filter(({ isMoved }) => isMoved) : [];
  const places = moved.map(({ topic, partition, from: offset }) => ({ topic, partition, offset }));
  await log.read(ranges, noteId(covered));
  const ends = new Map(ranges.map(({ topic, partition, to }) => [`${topic}/${partition}`, to]));
  return { group, lost, places, ends, covered, missed: new Map() };
}

/** Letters of the group that wait for an operator or for their turn. An unreadable one only claims to be its event. */
async function openLetters(sql: SqlReader, { group, service }: Group): Promise<Set<string>> {
  const rows = await sql.query<{ id: string }>(
    `SELECT event_id AS id FROM ${schemaOf(service)}.dead_letter
      WHERE consumer_group = ? AND status IN (?) AND reason <> 'UNDECODABLE' AND event_id IS NOT NULL`,
    [group, [...WAITING]],
  );
  return new Set(rows.map((row) => row.id));
}

function noteId(ids: Set<string>): (record: IncomingRecord) => void {
  return ({ headers }) => void (headers.ce_id && ids.add(headers.ce_id));
}

async function compareRows(
  { sql, auditDatabase }: Sources,
  publication: Publication,
  candidates: readonly Candidate[],
  since: Date,
): Promise<void> {
  await readPublished(auditDatabase, publication, since, async (events) => {
    for (const candidate of candidates) await take(sql, candidate, events);
  });
}

/**
 * Reads what a publisher's rows tell, page by page, in one snapshot. Events that wait in its outbox are left out, and
 * those that an operator set aside there: they are not sent, and not missed.
 */
export async function readPublished(
  auditDatabase: string,
  { service, read }: Publication,
  since: Date,
  each: (events: readonly Missed[]) => Promise<void>,
): Promise<void> {
  const url = new URL(auditDatabase);
  url.pathname = schemaOf(service);
  await withClosing(
    () => connectSql(url.href),
    (own) =>
      own.snapshot(async (rows) => {
        const unsent = await rows.query<{ id: string; type: string }>(
          `SELECT id, type FROM outbox UNION ALL
           SELECT event_id, event_type FROM dead_letter WHERE consumer_group = 'outbox' AND event_id IS NOT NULL`,
        );
        const waiting = new Set(unsent.map(nameOf));
        for await (const page of read(rows, since))
          await each(page.map((past) => missable(service, past)).filter((event) => !waiting.has(nameOf(event))));
      }),
  );
}

/** An event by type and id: a request for a coupon and its coupon have the same id. */
export function nameOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type} ${id}`;
}

function missable(service: string, past: PastEvent): Missed {
  return { ...envelopeOf(service, past.event, past.at), service, past, at: past.at };
}

async function take(sql: SqlReader, { group, covered, missed }: Candidate, events: readonly Missed[]): Promise<void> {
  const wanted = events.filter(({ id, headers }) => isFor(group, headers) && !covered.has(id));
  if (wanted.length === 0) return;
  const ids = wanted.map(({ id }) => id);
  const applied = await appliedAmong(sql, group.group, ids);
  for (const event of wanted) if (!applied.has(event.id)) missed.set(event.id, event);
}

/** Leaves out what came to the log meanwhile. */
async function readTail({ log }: Sources, { group, ends, missed }: Candidate): Promise<void> {
  const ranges = (await log.ranges(topicsOf(group))).map(({ topic, partition, from, to }) => {
    const end = ends.get(`${topic}/${partition}`) ?? from;
    return { topic, partition, from: end > from ? end : from, to };
  });
  const came = new Set<string>();
  await log.read(ranges, noteId(came));
  for (const id of came) missed.delete(id);
}
