import type { SqlReader } from '../sql.ts';
import type { Check, CheckResult, Finding, Suspect } from './check.ts';
import type { EventTally } from './event-tally.ts';
import { appliedAmong } from './groups.ts';
import type { OffsetTally } from './offset-tally.ts';
import type { Comparison } from './rows-and-events.ts';
import { typesIn } from './type-set.ts';

const EXAMPLES = 5;

/**
 * Separates suspects that dead letters explain from real faults.
 * @param letters names of what waits, as in `Suspect.waitsFor`
 */
export function finding(
  check: Pick<Check, 'invariant' | 'name' | 'title'>,
  result: CheckResult,
  letters: ReadonlySet<string> = new Set(),
): Finding {
  const isParked = ({ waitsFor = [] }: Suspect) => waitsFor.length > 0 && waitsFor.every((name) => letters.has(name));
  const parked = result.suspects.filter(isParked);
  const failed = result.suspects.filter((suspect) => !isParked(suspect));
  return {
    invariant: check.invariant,
    name: check.name,
    title: check.title,
    state: failed.length > 0 ? 'BROKEN' : result.checked === 0 && parked.length === 0 ? 'NOTHING_TO_CHECK' : 'HOLDS',
    checked: result.checked,
    failed: failed.length,
    examples: failed.slice(0, EXAMPLES),
    parked: parked.length,
    parkedExamples: parked.slice(0, EXAMPLES),
    underway: result.underway ?? 0,
  };
}

interface TopicEvidence {
  readonly sql: SqlReader;
  readonly events: EventTally;
  readonly offsets: OffsetTally;
  /** Records that came to the topics while the rows were read. */
  readonly tail: EventTally;
  readonly comparison: Comparison;
}

/** Invariants 8 and 9: compares rows with topics, and offsets with inboxes. */
export async function topicFindings(evidence: TopicEvidence): Promise<Finding[]> {
  const { events, offsets, comparison } = evidence;
  const compared = comparison.orders + comparison.requests;
  const put = (name: string, invariant: number, title: string, result: CheckResult) =>
    finding({ name, invariant, title }, result);
  return [
    put('rows-have-events', 8, 'every event that the rows imply is on its topic', {
      checked: compared,
      suspects: stillMissing(evidence),
      underway: comparison.underway,
    }),
    put('events-have-rows', 8, 'no event is on a topic without its row', {
      checked: events.events,
      suspects: comparison.extra,
    }),
    put('events-have-derived-ids', 8, 'an order’s event has the id that follows from order and type', {
      checked: events.events,
      suspects: events.wrongIds,
    }),
    put('events-in-commit-order', 8, 'one order’s events are in the order of their commits, duplicates aside', {
      checked: events.events,
      suspects: events.outOfOrder,
    }),
    put(
      'offsets-are-accounted-for',
      9,
      'every consumed message was applied, skipped as not for the group, or set aside',
      {
        checked: offsets.consumed,
        suspects: await reallyForgotten(evidence),
      },
    ),
  ];
}

/** Events missing at the snapshot may still be on the tail: sent before it and read after it. */
function stillMissing({ comparison, tail }: TopicEvidence): Suspect[] {
  const ofOrders = comparison.missing.flatMap(({ id, types }): Suspect[] => {
    const lost = types & ~tail.take(id);
    return lost === 0 ? [] : [{ id, detail: `${typesIn(lost).join(', ')} is neither on its topic nor in the outbox` }];
  });
  const ofRequests = comparison.missingRequests
    .filter(({ id, type }) => !tail.requestIds(type).has(id))
    .map(
      ({ id, type, detail }): Suspect => ({
        id,
        detail: `${type} (${detail}) is neither on its topic nor in the outbox`,
      }),
    );
  return [...ofOrders, ...ofRequests];
}

/**
 * With `--since` the inboxes were read from that moment's ids on, so older events that were applied lately are looked
 * up singly.
 */
async function reallyForgotten({ sql, offsets }: TopicEvidence): Promise<Suspect[]> {
  const left: Suspect[] = [];
  for (const [group, suspects] of Map.groupBy(offsets.suspects, (suspect) => suspect.group)) {
    const applied = await appliedAmong(
      sql,
      group,
      suspects.flatMap((suspect) => suspect.eventId ?? []),
    );
    for (const { id, detail, eventId } of suspects) {
      if (eventId === undefined || !applied.has(eventId)) left.push({ id, detail });
    }
  }
  return left;
}
