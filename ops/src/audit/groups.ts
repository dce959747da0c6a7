import { EVENTS } from '@shop/events';
import { ALL_GROUPS, type Group } from '../../../services/groups.ts';
import { SERVICE_NAMES, schemaOf } from '../../../services/services.ts';
import type { SqlReader } from '../sql.ts';
import { asciiOnly, pages } from '../sql.ts';
import { type AuditScope, letterName } from './check.ts';
import { type LogReader, type LogRecord, partitionName } from './log.ts';
import type { GroupState } from './offset-tally.ts';

export const DATA_PLATFORM = 'data-platform';

/** The groups of the services that run here. */
export const GROUPS: readonly Group[] = ALL_GROUPS.filter(({ service }) => SERVICE_NAMES.includes(service));

/** Whether a message is one that the group handles, by its headers. */
export function isFor({ handles, wants }: Group, headers: Readonly<Record<string, string>>): boolean {
  return handles.some((type) => type === headers.ce_type) && (wants?.(headers) ?? true);
}

export function topicsOf(group: Group): string[] {
  return [...new Set(group.handles.map((type) => EVENTS[type].topic))];
}

/** Statuses of a dead letter that still waits for a decision or for its turn. */
export const WAITING = ['DEAD', 'PARKED', 'REDRIVE'] as const;

/** The state of each group. Offsets are read before inboxes, so every event below an offset is in its inbox. */
export async function readGroups(sql: SqlReader, log: LogReader, scope: AuditScope): Promise<GroupState[]> {
  const states: GroupState[] = [];
  for (const group of GROUPS) {
    const committed = await log.committed(group.group, topicsOf(group));
    states.push({
      group: group.group,
      handles: group.handles,
      ...(group.wants && { wants: group.wants }),
      committed,
      processed: await readInbox(sql, group, scope),
      setAside: await readDeadLetters(sql, group),
    });
  }
  return states;
}

async function readInbox(sql: SqlReader, { group, service }: Group, scope: AuditScope): Promise<Set<string>> {
  const ids = new Set<string>();
  const rows = pages<{ event_id: string }>(sql, scope.firstOrderId, {
    sql: `SELECT event_id FROM ${schemaOf(service)}.processed_event WHERE consumer_group = ? AND event_id > ? ORDER BY event_id LIMIT ?`,
    params: (after, limit) => [group, after, limit],
    key: (row) => row.event_id,
  });
  for await (const page of rows) for (const { event_id } of page) ids.add(event_id);
  return ids;
}

async function readDeadLetters(sql: SqlReader, { group, service }: Group): Promise<Set<string>> {
  const rows = await sql.query<{ topic: string; part: number; position: number; event_id: string | null }>(
    `SELECT topic, \`partition\` AS part, \`offset\` AS position, event_id FROM ${schemaOf(service)}.dead_letter WHERE consumer_group = ?`,
    [group],
  );
  // A position tells only where there is no id: after topics were made anew it is another record's.
  return new Set(rows.map((row) => row.event_id ?? `${row.topic}/${row.part}@${row.position}`));
}

/**
 * Names (`unreadableNames`) of messages that a group found unreadable, and still finds so. They are not
 * events, whatever their headers say, unless another group has applied them: then the fault was the schema registry's.
 */
export async function readUnreadable(sql: SqlReader): Promise<Set<string>> {
  const names = new Set<string>();
  for (const service of new Set(GROUPS.map((group) => group.service))) {
    const rows = await sql.query<{ name: string }>(
      `SELECT CONCAT_WS(' ', CONCAT(topic, '/', \`partition\`, '@', \`offset\`), event_id) AS name FROM ${schemaOf(service)}.dead_letter WHERE reason = 'UNDECODABLE' AND status <> 'REDRIVEN'`,
    );
    for (const row of rows) names.add(row.name);
  }
  return names;
}

/** The names under which a letter of this record may stand: its position, and its id where it has one. */
export function unreadableNames(record: LogRecord): string[] {
  const position = `${partitionName(record)}@${record.offset}`;
  return [position, `${position} ${record.id}`];
}

/** The part of these events that a group's inbox holds; for the few that a limited read left out. */
export async function appliedAmong(sql: SqlReader, group: string, eventIds: readonly string[]): Promise<Set<string>> {
  const service = GROUPS.find((each) => each.group === group)?.service;
  const found = new Set<string>();
  for (let i = 0; service && i < eventIds.length; i += 1_000) {
    const rows = await sql.query<{ event_id: string }>(
      `SELECT event_id FROM ${schemaOf(service)}.processed_event WHERE consumer_group = ? AND event_id IN (?)`,
      [group, asciiOnly(eventIds.slice(i, i + 1_000))],
    );
    for (const row of rows) found.add(row.event_id);
  }
  return found;
}

/** The names (`letterName`) of what waits in or behind a dead letter, of each group. */
export async function readWaitingLetters(sql: SqlReader): Promise<Set<string>> {
  const names = new Set<string>();
  for (const service of new Set(GROUPS.map((group) => group.service))) {
    const rows = await sql.query<{ name: string; message_key: string }>(
      `SELECT consumer_group AS name, message_key FROM ${schemaOf(service)}.dead_letter
        WHERE status IN (?) AND message_key IS NOT NULL
       UNION SELECT consumer_group, message_key FROM ${schemaOf(service)}.parked_key`,
      [[...WAITING]],
    );
    for (const row of rows) names.add(letterName(row.name, row.message_key));
  }
  return names;
}
