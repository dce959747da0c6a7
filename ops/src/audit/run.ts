import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformReader } from '../data-platform.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { type AuditScope, type Check, type CheckResult, type Finding, firstIdAt, SWEEP_MS } from './check.ts';
import { couponChecks } from './coupons.ts';
import { beginDeliveryAudit } from './delivery.ts';
import type { DoorReader } from './door.ts';
import { eventScopes } from './event-scopes.ts';
import { createEventTally } from './event-tally.ts';
import { finding, topicFindings } from './findings.ts';
import { readGroups, readUnreadable, readWaitingLetters, unreadableNames } from './groups.ts';
import { idempotencyChecks } from './idempotency.ts';
import { type LogRange, type LogReader, tailOf } from './log.ts';
import { messagingChecks } from './messaging.ts';
import { emptiedTopics, lagNotes, MARGIN_MS, retentionWatch, setAsideNotes } from './notes.ts';
import { createOffsetTally } from './offset-tally.ts';
import { orderChecks } from './orders.ts';
import { PARTICIPANTS } from './participants.ts';
import { pointChecks } from './points.ts';
import { rankingChecks } from './ranking.ts';
import { compareWithDoors, compareWithSets } from './redis-and-rows.ts';
import { compareRows } from './rows-and-events.ts';
import type { SortedSets } from './sorted-sets.ts';
import { type Standing, standingFindings } from './standing.ts';
import { stockChecks } from './stock.ts';

export interface AuditOptions {
  /** A user who may read every schema. */
  readonly sql: SqlConnection;
  readonly log: LogReader;
  /** The coupon service's door in Redis. If absent or unreadable, a note in the report says so. */
  readonly door?: DoorReader;
  /** Ranking's sorted sets. If absent or unreadable, a note in the report says so. */
  readonly sets?: SortedSets;
  /** SHOP_TIME_ZONE of the ranking service. Default Asia/Seoul. */
  readonly timeZone?: string;
  /** The platform that ended orders are delivered to; without it the delivery is not checked. */
  readonly platform?: PlatformReader;
  /** Tells what has halted. If absent, it is not looked at. */
  readonly standing?: () => Promise<Standing>;
  /** Leaves out everything that began before. */
  readonly since?: Date;
  /** Suspects are checked again after this time, ms: a live system is always between two steps. 0 on an idle one. */
  readonly graceMs?: number;
  /** How long an order may be PENDING, ms: its deadline and SWEEP_MS. Default 35,000. */
  readonly deadlineMs?: number;
}

export interface AuditReport {
  /**
   * NOTHING_TO_CHECK: nothing contradicts, but there was no order and no message in the scope, so nothing is proven.
   */
  readonly state: Finding['state'];
  /** True when nothing contradicts an invariant, even if there was nothing to check. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Remarks for the reader, e.g. how far a group is behind. */
  readonly notes: readonly string[];
  /** Names of the checks that could not be made, since a part was away; a note tells which. */
  readonly notMade: readonly string[];
  readonly orders: number;
  readonly records: number;
  readonly durationMs: number;
}

function checksFor(timeZone: string): readonly Check[] {
  return [
    ...stockChecks,
    ...pointChecks,
    ...orderChecks,
    ...couponChecks,
    ...messagingChecks,
    ...rankingChecks(timeZone),
    ...PARTICIPANTS.flatMap(([, { checks }]) => checks ?? []),
    ...idempotencyChecks,
  ];
}

/**
 * Checks the invariants over all schemas and topics; changes nothing.
 *
 * The order of reading makes the audit correct on a live system: the groups' offsets before their inboxes; the topics
 * before the rows, with all schemas in one snapshot; the topics' tail last. So an event that the rows imply was in its
 * outbox at the snapshot, or had been sent and is on the topics; and an event read before the snapshot has its row in
 * it. Comparisons between schemas have no such order and are made twice.
 */
// One function: its steps are read from top to bottom, since their order is what makes the audit right.
export async function runAudit(options: AuditOptions): Promise<AuditReport> {
  const started = performance.now();
  const {
    sql,
    log,
    platform,
    since,
    graceMs = 5_000,
    deadlineMs = 30_000 + SWEEP_MS,
    timeZone = 'Asia/Seoul',
  } = options;
  const checks = checksFor(timeZone);
  const scope = scopeFrom(since, deadlineMs);

  const groups = await readGroups(sql, log, scope);
  const held = await log.held(RUNNING_TOPICS, since && new Date(since.getTime() - MARGIN_MS));
  const unreadable = await readUnreadable(sql);
  const events = createEventTally();
  const offsets = createOffsetTally(groups);
  const retained = retentionWatch(held, await readKeptMs(log, held));
  const wasApplied = (id = '') => groups.some(({ processed }) => processed.has(id));
  await log.read(held, (record) => {
    const isRubbish = unreadableNames(record).some((name) => unreadable.has(name)) && !wasApplied(record.id);
    if (!isRubbish) events.add(record);
    offsets.add(record);
    retained.add(record);
  });
  const scopes = eventScopes((topic) => scopeFrom(later(retained.since(topic), since), deadlineMs));

  const delivery = await beginDeliveryAudit(platform);
  const first = await sql.snapshot(async (reader) => {
    const results = await runChecks(checks, reader, scope);
    const comparison = await compareRows(reader, events, scopes);
    await delivery.compare(reader, scopes.of('order-completed'));
    return { results, comparison, letters: await readWaitingLetters(reader) };
  });
  const now = await log.held(RUNNING_TOPICS);
  const tail = createEventTally();
  await log.read(tailOf(held, now), (record) => tail.add(record));

  const second = await lookAgain(sql, first.results, scope, graceMs);
  const letters = second.letters ?? first.letters;
  const sets = await compareWithSets(options, timeZone, graceMs);
  const doors = await compareWithDoors(options, graceMs);
  const standing = await standingFindings(options.standing, { groups: groups.length, graceMs });
  const findings = [
    ...standing.findings,
    ...sets.findings,
    ...doors.findings,
    ...checks.map((check) => finding(check, second.results.get(check) ?? EMPTY, letters)),
    ...(await topicFindings({ sql, events, offsets, tail, comparison: first.comparison })),
    ...(await delivery.findings({ sql, log, ends: now, graceMs })),
  ].sort((a, b) => a.invariant - b.invariant);
  const ok = findings.every((each) => each.failed === 0);
  const orders = first.comparison.orders;
  const records = held.reduce((sum, range) => sum + range.to - range.from, 0);
  return {
    state: !ok ? 'BROKEN' : orders === 0 && records === 0 ? 'NOTHING_TO_CHECK' : 'HOLDS',
    ok,
    findings,
    notes: [
      ...retained.notes(since),
      ...sets.notes,
      ...doors.notes,
      ...lagNotes(groups, now),
      ...setAsideNotes(first.comparison.setAside),
      ...standing.notes,
      ...delivery.notes,
    ],
    notMade: [...sets.notMade, ...doors.notMade, ...standing.notMade, ...delivery.notMade],
    orders,
    records,
    durationMs: Math.round(performance.now() - started),
  };
}

const EMPTY: CheckResult = { checked: 0, suspects: [] };

function scopeFrom(since: Date | undefined, deadlineMs: number): AuditScope {
  return { since, firstOrderId: since ? firstIdAt(since) : '', deadlineMs };
}

function later(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other ? (one > other ? one : other) : (one ?? other);
}

/** How long the records of topics with emptied partitions are kept, ms. */
async function readKeptMs(log: LogReader, held: readonly LogRange[]): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (const topic of emptiedTopics(held)) kept.set(topic, await log.keptMs(topic));
  return kept;
}

async function runChecks(
  checks: readonly Check[],
  reader: SqlReader,
  scope: AuditScope,
): Promise<Map<Check, CheckResult>> {
  const results = new Map<Check, CheckResult>();
  for (const check of checks) results.set(check, await check.run(reader, scope));
  return results;
}

/** Repeats the checks with findings after the grace period; only findings of both runs stay. */
async function lookAgain(
  sql: SqlConnection,
  first: ReadonlyMap<Check, CheckResult>,
  scope: AuditScope,
  graceMs: number,
): Promise<{ results: Map<Check, CheckResult>; letters?: Set<string> }> {
  const suspicious = [...first].filter(([, result]) => result.suspects.length > 0);
  if (suspicious.length === 0 || graceMs === 0) return { results: new Map(first) };
  await sleep(graceMs);
  return await sql.snapshot(async (reader) => {
    const again = await runChecks(
      suspicious.map(([check]) => check),
      reader,
      scope,
    );
    const results = new Map(first);
    for (const [check, result] of again) {
      const before = new Set(first.get(check)?.suspects.map((suspect) => suspect.id));
      results.set(check, { ...result, suspects: result.suspects.filter((suspect) => before.has(suspect.id)) });
    }
    return { results, letters: await readWaitingLetters(reader) };
  });
}
