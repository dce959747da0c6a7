/** The part of a record that the audit reads: headers and position, never the value. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  /** `ce_id`; undefined when the header is missing. */
  readonly id: string | undefined;
  /** `ce_type`; undefined when the header is missing. */
  readonly type: string | undefined;
  /** All headers; groups choose by them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** Part of a partition: the offsets from `from` up to, not including, `to`. */
export interface LogRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** The partition once held records before `from` that retention has removed. */
  readonly truncated?: boolean;
}

/** Reads topics without joining a group, so that reading changes nothing. */
export interface LogReader {
  /**
   * The range each partition holds now, from the first retained offset, or from the first record at or after `since`.
   */
  held(topics: readonly string[], since?: Date): Promise<LogRange[]>;
  /** How long a topic's records are kept, ms; 0 where more than their age decides. */
  keptMs(topic: string): Promise<number>;
  /** Every record of the ranges, each partition in its order. */
  read(ranges: readonly LogRange[], each: (record: LogRecord) => void): Promise<void>;
  /** The offset at which a group continues, by `topic/partition`. Partitions without a commit are absent. */
  committed(group: string, topics: readonly string[]): Promise<Map<string, number>>;
  close(): Promise<void>;
}

/**
 * How many messages of a partition lie before a group that continues at `committed`. Only what the log still holds
 * counts: what retention has removed is never read.
 */
export function lagIn({ from, to }: LogRange, committed: number | undefined): number {
  return Math.max(0, to - Math.max(from, committed ?? from));
}

/** The records that came to the partitions since `before` was read. */
export function tailOf(before: readonly LogRange[], now: readonly LogRange[]): LogRange[] {
  const ends = new Map(before.map((range) => [partitionName(range), range.to]));
  return now
    .map((range) => ({ ...range, from: Math.max(range.from, ends.get(partitionName(range)) ?? range.from) }))
    .filter((range) => range.from < range.to);
}

export function partitionName({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}
