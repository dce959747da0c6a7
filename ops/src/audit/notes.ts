import { REPUBLISHED } from '@shop/events';
import type { SetAside } from '../outbox/read.ts';
import { GROUPS, topicsOf } from './groups.ts';
import { type LogRange, type LogRecord, lagIn, partitionName } from './log.ts';

/** Largest difference between the clocks of services and broker, plus the delay from row to event, ms. */
export const MARGIN_MS = 60_000;

/** Finds out, while the topics are read, how far back each of them holds all events. */
export interface RetentionWatch {
  add(record: LogRecord): void;
  /** Since when all events of a topic are there; undefined: all that were ever sent. */
  since(topic: string): Date | undefined;
  /** One note for each topic of which less is compared than since `asked`. */
  notes(asked?: Date): string[];
}

/**
 * Notes topics that no longer hold their beginning, or were filled again from rows: earlier orders cannot be compared
 * with their events. What one topic has lost bounds that topic only; a filling bounds all, since a topic that got
 * nothing back does not say that it was filled.
 * @param keptMs how long the records of a topic with emptied partitions are kept, ms
 */
export function retentionWatch(
  held: readonly LogRange[],
  keptMs: ReadonlyMap<string, number>,
  now = Date.now(),
): RetentionWatch {
  const waiting = new Set(held.filter((range) => range.truncated && range.from < range.to).map(partitionName));
  const bounds = new Map<string, number>();
  let filled: number | undefined;
  const raise = (topic: string, at: number) => {
    if (at > 0) bounds.set(topic, Math.max(bounds.get(topic) ?? 0, at + MARGIN_MS));
  };
  // A topic without any record may have been cut by hand or by a shorter retention: nothing shows since when.
  for (const topic of emptiedTopics(held)) {
    const isHeld = held.some((range) => range.topic === topic && holdsRecords(range));
    raise(topic, now - (isHeld ? (keptMs.get(topic) ?? 0) : 0));
  }
  const since = (topic: string) => {
    const latest = Math.max(bounds.get(topic) ?? 0, filled ?? 0);
    return latest > 0 ? new Date(latest) : undefined;
  };
  return {
    since,
    add(record) {
      const filledSince = record.headers[REPUBLISHED];
      if (filledSince !== undefined) filled = Math.max(filled ?? 0, Date.parse(filledSince) + MARGIN_MS);
      if (waiting.size > 0 && waiting.delete(partitionName(record))) raise(record.topic, record.timestamp);
    },
    notes: (asked) =>
      [
        ...[...bounds.keys()].map((topic) => ({
          what: `${topic} no longer holds all: its events are`,
          at: since(topic),
        })),
        ...(filled ? [{ what: 'the topics were filled again from rows: events are', at: new Date(filled) }] : []),
      ].flatMap(({ what, at }) =>
        at && (!asked || at > asked) ? [`${what} compared with rows from ${at.toISOString()} on`] : [],
      ),
  };
}

/** Topics with a partition of which retention has removed every record. */
export function emptiedTopics(held: readonly LogRange[]): string[] {
  const emptied = held.filter((range) => range.truncated && range.from >= range.to);
  return [...new Set(emptied.map(({ topic }) => topic))];
}

/** Whether the partition has records, be they from before what was asked for. */
function holdsRecords({ from, to, truncated = false }: LogRange): boolean {
  return from < to || (!truncated && to > 0);
}

/** Notes how far the groups are behind: findings may be events on their way. */
export function lagNotes(
  groups: readonly { group: string; committed: ReadonlyMap<string, number> }[],
  now: readonly LogRange[],
): string[] {
  return groups.flatMap(({ group, committed }) => {
    const known = GROUPS.filter((each) => each.group === group);
    if (committed.size === 0 && known.some((each) => each.optional)) return [];
    const topics = new Set(known.flatMap(topicsOf));
    const lag = now
      .filter((range) => topics.has(range.topic))
      .reduce((sum, range) => sum + lagIn(range, committed.get(partitionName(range))), 0);
    return lag > 0 ? [`${group} had ${lag} messages before it: what is listed may be on its way`] : [];
  });
}

/**
 * Names each event that an operator set aside: no invariant misses it on its topic, and nobody has heard of it, unless
 * it is there all the same.
 */
export function setAsideNotes(events: readonly SetAside[]): string[] {
  return events.map(
    ({ service, id, type, key, topic, reason, isOnTopic }) =>
      `${type} ${id} of ${key || '(no key)'} was set aside in the outbox of ${service}, and ${placeInWords(topic, isOnTopic)}: ${reason}`,
  );
}

function placeInWords(topic: string, isOnTopic: boolean | undefined): string {
  if (isOnTopic === undefined) return `should not be on ${topic}`;
  return isOnTopic ? `is on ${topic} all the same: it was just being sent` : `is not on ${topic}`;
}
