import { GROUPS, topicsOf } from '../audit/groups.ts';
import { type LogRange, type LogReader, lagIn, partitionName } from '../audit/log.ts';

/** How many messages of a topic a group has not committed. */
export interface Lag {
  readonly group: string;
  readonly topic: string;
  readonly lag: number;
}

/** The lag of every group that runs here, by topic. Groups that may be off are left out until they first commit. */
export async function readLags(log: LogReader, held: readonly LogRange[]): Promise<Lag[]> {
  const lags: Lag[] = [];
  for (const group of GROUPS) {
    const topics = topicsOf(group);
    const committed = await log.committed(group.group, topics);
    if (group.optional && committed.size === 0) continue;
    for (const topic of topics) {
      const lag = held
        .filter((range) => range.topic === topic)
        .reduce((sum, range) => sum + lagIn(range, committed.get(partitionName(range))), 0);
      lags.push({ group: group.group, topic, lag });
    }
  }
  return lags;
}
