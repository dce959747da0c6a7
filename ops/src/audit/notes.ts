import { REPUBLISHED } from '@shop/events';
import type { SetAside } from '../outbox/read.ts';
import { GROUPS, topicsOf } from './groups.ts';
import { type LogRange, type LogRecord, lagIn, partitionName } from './log.ts';

/** Largest difference between the clocks of services and broker, plus the delay from row to event, ms. */
export const MARGIN_MS = 60_000;

/**
 * Notes topics that no longer hold their beginning, or were filled again from rows: earlier orders cannot be compared
 * with their events.
 */
export function retentionWatch(held: readonly LogRange[]) {
  const truncated = held.filter((range) => range.truncated);
  const waiting = new Set(truncated.map(partitionName));
  let latest = truncated.some((range) => range.from >= range.to) ? Date.now() : undefined;
  return {
    add(record: LogRecord): void {
      const filledSince = record.headers[REPUBLISHED];
      if (filledSince !== undefined) latest = Math.max(latest ?? 0, Date.parse(filledSince) + MARGIN_MS);
      if (waiting.size === 0) return;
      if (!waiting.delete(partitionName(record))) return;
      latest = Math.max(latest ?? 0, record.timestamp + MARGIN_MS);
    },
    since: () => (latest === undefined ? undefined : new Date(latest)),
    notes: () =>
      latest === undefined
        ? []
        : [`the topics no longer hold all: events are compared with rows from ${new Date(latest).toISOString()} on`],
  };
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

/** Names each event that an operator set aside: no invariant misses it on its topic, but nobody has heard of it. */
export function setAsideNotes(events: readonly SetAside[]): string[] {
  return events.map(
    ({ service, id, type, key, topic, reason }) =>
      `${type} ${id} of ${key || '(no key)'} was set aside in the outbox of ${service}, and is not on ${topic}: ${reason}`,
  );
}
