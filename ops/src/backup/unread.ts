import type { KafkaAdmin } from '@shop/events';
import type { ServiceName } from '../../../services/services.ts';
import { GROUPS, topicsOf } from '../audit/groups.ts';

type Log = Pick<KafkaAdmin, 'committed' | 'ranges' | 'topics'>;

/** The first offset of a partition, `topic/partition`, that a group has not read. */
type Unread = ReadonlyMap<string, bigint>;

/** The first search goes back this far, ms. */
const STEP_MS = 60_000;
/** The search ends when the time is known to this part of what it goes back. */
const PART = 16;

/**
 * A time before which no group of the service has anything unread: at most a minute before `now` when none is behind.
 * Asks for offsets only, by the times that a recovery asks by, and reads no record. It must be asked before the
 * snapshot of the backup: what is read by then, the snapshot's inbox holds.
 * @param now about when the backup began
 */
export async function unreadSince(log: Log, service: ServiceName, now: Date): Promise<Date> {
  const unread = await firstUnread(log, service);
  const topics = [...new Set([...unread.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))))];
  return await lastTimeThatHolds(now, async (since) => {
    const ranges = await log.ranges(topics, since);
    return ranges.every(({ topic, partition, from }) => from <= (unread.get(`${topic}/${partition}`) ?? from));
  });
}

/** Where the groups of the service are behind the log's end; of several groups, the one that is furthest behind. */
async function firstUnread(log: Log, service: ServiceName): Promise<Unread> {
  const existing = new Set(await log.topics());
  const unread = new Map<string, bigint>();
  for (const group of GROUPS.filter((it) => it.service === service)) {
    const topics = topicsOf(group).filter((topic) => existing.has(topic));
    // The offsets come first: what is sent in between counts as unread.
    const committed = await log.committed(group.group, topics);
    // An optional group without any offset does not run here.
    if (group.optional && committed.every(({ offset }) => offset === undefined)) continue;
    const offsets = new Map(committed.map((it) => [`${it.topic}/${it.partition}`, it.offset]));
    for (const { topic, partition, low, to } of await log.ranges(topics)) {
      const name = `${topic}/${partition}`;
      const offset = BigInt(offsets.get(name) ?? low);
      const next = offset < low ? low : offset;
      if (next < to && next < (unread.get(name) ?? to)) unread.set(name, next);
    }
  }
  return unread;
}

/**
 * The latest time, roughly, since which `holdsAll` is true. It is true of the beginning of time, and stays true for
 * every earlier time.
 */
export async function lastTimeThatHolds(now: Date, holdsAll: (since: Date) => Promise<boolean>): Promise<Date> {
  const back = (ms: number) => new Date(Math.max(0, now.getTime() - ms));
  let [tooLate, early] = [0, STEP_MS];
  while (!(await holdsAll(back(early))) && early < now.getTime()) [tooLate, early] = [early, early * 2];
  while (tooLate > 0 && early - tooLate > early / PART) {
    const middle = (tooLate + early) / 2;
    if (await holdsAll(back(middle))) early = middle;
    else tooLate = middle;
  }
  return back(early);
}
