import { TOPIC_SETTINGS } from '@shop/events';
import { PUBLICATIONS } from '../../../services/publications.ts';
import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import { type Missed, nameOf, readPublished, type Sources } from './missed.ts';

/** Events of a service that its rows tell and its topics do not hold, in the order in which they happened. */
export interface LogGap {
  readonly service: ServiceName;
  readonly events: readonly Missed[];
}

/** The time before which retention may have removed records. */
export function oldestHeld(now: number): Date {
  return new Date(now - Number(TOPIC_SETTINGS['retention.ms']));
}

/**
 * Finds events that happened since then, follow from their publishers' rows, and are neither on the topics nor in an
 * outbox. The order of reading is that of `findMissed`: the log, each publisher's outbox and rows in one snapshot, the
 * log's tail.
 */
export async function findGaps(sources: Sources, since: Date): Promise<LogGap[]> {
  const { log, auditDatabase } = sources;
  const held = new Set<string>();
  const ranges = await log.ranges(RUNNING_TOPICS);
  const note = ({ headers: { ce_type: type = '', ce_id: id = '' } }: { headers: Readonly<Record<string, string>> }) =>
    void held.add(nameOf({ type, id }));
  await log.read(ranges, note);
  const found: Missed[] = [];
  for (const publication of PUBLICATIONS)
    await readPublished(auditDatabase, publication, since, async (events) => {
      for (const event of events) if (!held.has(nameOf(event))) found.push(event);
    });
  const ends = new Map(ranges.map(({ topic, partition, to }) => [`${topic}/${partition}`, to]));
  const tail = (await log.ranges(RUNNING_TOPICS)).map((range) => {
    const end = ends.get(`${range.topic}/${range.partition}`) ?? range.from;
    return { ...range, from: end > range.from ? end : range.from };
  });
  await log.read(tail, note);
  const missing = found.filter((event) => !held.has(nameOf(event)));
  return SERVICE_NAMES.map((service) => ({ service, events: inTheirOrder(missing, service) })).filter(
    ({ events }) => events.length > 0,
  );
}

/** Stable: what happened in the same millisecond stays as its publisher gave it. */
function inTheirOrder(events: readonly Missed[], service: ServiceName): Missed[] {
  return events.filter((event) => event.service === service).sort((a, b) => a.at.getTime() - b.at.getTime());
}
