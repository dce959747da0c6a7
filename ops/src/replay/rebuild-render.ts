import { duration, table } from '../command.ts';
import type { Comparison, GenerationTotals, RebuildPlan } from './rebuild.ts';

export function renderRebuildPlan(plan: RebuildPlan, perSecond: number): string {
  const { ranges, types, records, messages, live, firstDay, isMadeAnew, copiedDays } = plan;
  const copied = copiedDays.length === 0 ? 'none' : `${copiedDays.length} (${copiedDays[0]} to ${copiedDays.at(-1)})`;
  return [
    table([
      ['topic', 'partition', 'from', 'to'],
      ...ranges.map((it) => [it.topic, it.partition, `${it.from}`, `${it.to}`]),
    ]),
    '',
    table([['type', 'total'], ...types.map((it) => [it.type, it.total])]),
    `${messages} of ${records} records are for ranking. At ${perSecond} a second: ${duration(plan.expectedMs)}.`,
    `Live: ${totalsIn(live)}.`,
    ...(isMadeAnew
      ? ['The topic was made anew since, or filled again: it lacks days that the live generation has.']
      : []),
    firstDay === null
      ? 'The topic holds everything since its beginning: all days are recounted.'
      : `The topic holds all of ${firstDay} and later: those days are recounted. Earlier days, copied from the live generation: ${copied}.`,
  ].join('\n');
}

export function renderComparison({ live, rebuilt, differing, examples, behind }: Comparison): string {
  const rows = examples.map((it) => [it.day, String(it.productId), it.live, it.rebuilt]);
  const more = differing > examples.length ? [`and ${differing - examples.length} more`] : [];
  return [
    `before: ${totalsIn(live)}`,
    `now:    ${totalsIn(rebuilt)}`,
    differing === 0 ? 'All totals were equal.' : `${differing} totals differed:`,
    ...(differing > 0 ? [table([['day', 'product', 'before', 'now'], ...rows]), ...more] : []),
    ...(behind > 0 ? [`The group was ${behind} messages behind: what it had not counted yet differs too.`] : []),
  ].join('\n');
}

function totalsIn({ generation, days, totals, pieces }: GenerationTotals): string {
  return `generation ${generation}, ${days} days, ${totals} totals, ${pieces} pieces`;
}
