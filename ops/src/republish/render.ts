import { table } from '../command.ts';
import type { LogGap } from './log-gaps.ts';
import type { GroupPlan, Missed } from './missed.ts';

/** A plan in JSON: offsets are 64 bits, so they become text. */
export function planInText({ group, lost, missed }: GroupPlan) {
  return {
    group: group.group,
    lost: lost.map(({ topic, partition, low, high, committed, next }) => ({
      ...{ topic, partition, low: String(low), high: String(high), next: String(next) },
      committed: committed === undefined ? null : String(committed),
    })),
    missed: missed.map(({ id, type, key, at }) => ({ id, type, key, at })),
  };
}

/** What each group missed, and where it goes on. */
export function renderPlans(plans: readonly GroupPlan[]): string {
  return plans.map(renderPlan).join('\n\n');
}

function renderPlan({ group, lost, missed }: GroupPlan): string {
  const types = byType(missed);
  return [
    missed.length === 0
      ? `${group.group} missed nothing that the publishers' rows tell of`
      : `${group.group} missed ${missed.length} events:`,
    ...(types.length > 0 ? [table(types, '  ')] : []),
    ...(lost.length > 0 ? [`its place is gone, it goes on like this:`] : ['its place is in the log: it is not moved']),
    ...lost.map(({ words, next }) => `  ${words}: from ${next} on`),
  ].join('\n');
}

export function gapInText({ service, events }: LogGap) {
  const types = [...Map.groupBy(events, ({ type }) => type)].map(([type, own]) => [type, own.length]);
  return { service, types: Object.fromEntries(types) as Record<string, number> };
}

/** What the topics lack of what the rows tell. */
export function renderGaps(gaps: readonly LogGap[], since: Date): string {
  if (gaps.length === 0) return `the topics hold all that the rows tell since ${since.toISOString()}`;
  return gaps
    .flatMap(({ service, events }) => [
      `the topics lack ${events.length} events of ${service}:`,
      table(byType(events), '  '),
    ])
    .join('\n');
}

/** Rows of a table: each type, how many, and one of them. */
function byType(events: readonly Missed[]): (string | number)[][] {
  return [...Map.groupBy(events, ({ type }) => type)].map(([type, own]) => [
    type,
    own.length,
    `e.g. of ${own[0]?.key}`,
  ]);
}
