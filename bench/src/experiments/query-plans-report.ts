import type { Latency } from '../latency.ts';
import { header, milliseconds, rate, row } from './markdown.ts';
import type { WriteCost } from './query-plans-writes.ts';

/** The reads and the time of one way of asking. */
export interface Reading {
  readonly name: string;
  readonly sql: string;
  /** Rows of EXPLAIN. */
  readonly plan: readonly Record<string, unknown>[];
  /** Text of EXPLAIN ANALYZE, where the server supports it. */
  readonly analyzed: string | undefined;
  /** Handler_read%: rows and index entries that the storage engine returned, by access method. */
  readonly reads: Readonly<Record<string, number>>;
  readonly time: Latency;
  readonly indexBytes: number | undefined;
  readonly indexSeconds: number | undefined;
}

const readsOf = ({ reads }: Reading) => Object.values(reads).reduce((sum, value) => sum + value, 0);

export function renderReads(readings: readonly Reading[]): string[] {
  const first = readings[0]?.time.p50 ?? 0;
  return [
    ...header(['way', 'rows read', 'p50 ms', 'p95 ms', 'times the first', 'index MB', 'made in s']),
    ...readings.map((reading) =>
      row([
        reading.name,
        rate(readsOf(reading)),
        milliseconds(reading.time.p50),
        milliseconds(reading.time.p95),
        reading.time.p50 > 0 ? `${(first / reading.time.p50).toFixed(1)} ×` : '',
        reading.indexBytes === undefined ? '' : (reading.indexBytes / 2 ** 20).toFixed(1),
        reading.indexSeconds === undefined ? '' : reading.indexSeconds.toFixed(1),
      ]),
    ),
    '',
    'Rows read are the sum of `Handler_read%` of one run, by how they were found:',
    '',
    ...readings.map(
      ({ name, reads }) =>
        `- ${name}: ${Object.entries(reads)
          .map(([kind, value]) => `${kind.replace('Handler_read_', '')} ${rate(value)}`)
          .join(', ')}`,
    ),
  ];
}

export function renderPlan({ name, plan, analyzed }: Reading): string[] {
  const columns = ['table', 'type', 'key', 'rows', 'Extra'];
  return [
    `### Plan: ${name}`,
    '',
    ...header(columns, columns.length),
    ...plan.map((each) => row(columns.map((column) => String(each[column] ?? '')))),
    '',
    ...(analyzed ? ['```', analyzed.trim(), '```', ''] : []),
  ];
}

export function renderWrites(writes: readonly WriteCost[]): string[] {
  const base = writes[0]?.msPerThousand ?? 0;
  return [
    ...header(['what is kept for the list', 'ms for 1,000 orders', 'more than without']),
    ...writes.map(({ name, msPerThousand }, index) =>
      row([
        name,
        milliseconds(msPerThousand),
        index === 0 ? '' : `${((100 * (msPerThousand - base)) / base).toFixed(0)} %`,
      ]),
    ),
  ];
}
