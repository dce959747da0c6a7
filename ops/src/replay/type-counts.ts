import { type IncomingRecord, PARTITIONS } from '@shop/events';

/** The number of messages of a type, by partition. */
export interface TypeCount {
  readonly topic: string;
  readonly type: string;
  readonly total: number;
  readonly partitions: readonly number[];
}

export function typeCounts() {
  const counts = new Map<string, { topic: string; type: string; total: number; partitions: number[] }>();
  return {
    add({ topic, partition, headers }: IncomingRecord): void {
      const type = headers.ce_type ?? '(no type)';
      const empty = { topic, type, total: 0, partitions: Array.from({ length: PARTITIONS }, () => 0) };
      const count = counts.get(`${topic} ${type}`) ?? empty;
      counts.set(`${topic} ${type}`, count);
      count.total += 1;
      count.partitions[partition] = (count.partitions[partition] ?? 0) + 1;
    },
    all: (): TypeCount[] =>
      [...counts.values()].sort((a, b) => (`${a.topic} ${a.type}` < `${b.topic} ${b.type}` ? -1 : 1)),
  };
}
