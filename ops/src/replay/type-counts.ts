import type { IncomingRecord } from '@shop/events';

/** The number of messages of a type, by partition. */
export interface TypeCount {
  readonly topic: string;
  readonly type: string;
  readonly total: number;
  readonly partitions: readonly number[];
}

export function typeCounts() {
  let width = 0;
  const counts = new Map<string, { topic: string; type: string; total: number; partitions: number[] }>();
  return {
    add({ topic, partition, headers }: IncomingRecord): void {
      const type = headers.ce_type ?? '(no type)';
      width = Math.max(width, partition + 1);
      const empty = { topic, type, total: 0, partitions: [] };
      const count = counts.get(`${topic} ${type}`) ?? empty;
      counts.set(`${topic} ${type}`, count);
      count.total += 1;
      count.partitions[partition] = (count.partitions[partition] ?? 0) + 1;
    },
    all: (): TypeCount[] =>
      [...counts.values()]
        .map((count) => ({ ...count, partitions: Array.from({ length: width }, (_, at) => count.partitions[at] ?? 0) }))
        .sort((a, b) => (`${a.topic} ${a.type}` < `${b.topic} ${b.type}` ? -1 : 1)),
  };
}
