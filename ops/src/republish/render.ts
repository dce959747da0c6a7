import { table } from '../command.ts';
import type { GroupPlan } from './missed.ts';

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
  const types = [...Map.groupBy(missed, ({ type }) => type)].map(([type, events]) => [
    type,
    events.length,
    `e.g. of ${events[0]?.key}`,
  ]);
  return [
    missed.length === 0
      ? `${group.group} missed nothing that the publishers' rows tell of`
      : `${group.group} missed ${missed.length} events:`,
    ...(types.length > 0 ? [table(types, '  ')] : []),
    ...(lost.length > 0 ? [`its place is gone, it goes on like this:`] : ['its place is in the log: it is not moved']),
    ...lost.map(({ words, next }) => `  ${words}: from ${next} on`),
  ].join('\n');
}
