import {
  auditLine,
  cpuTable,
  header,
  milliseconds,
  ofInstances,
  percent,
  percentiles,
  provenance,
  row,
} from './report-parts.ts';
import type { AuditSummary, Measurement } from './results.ts';
import type { StreamsRun } from './streams.ts';
import type { Told } from './streams-plan.ts';

export interface StreamsResult extends Measurement {
  readonly instances: number;
  readonly run: StreamsRun;
  readonly audit: AuditSummary;
}

export interface StreamsResults {
  readonly runs: Record<string, StreamsResult>;
}

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

export function renderStreamsReport({ runs }: StreamsResults): string {
  return `${[
    '# Many who follow their orders',
    '',
    'Written by `npm run bench -- streams` from what it measured (`streams.json` beside this file); not edited by hand.',
    '',
    ...Object.values(runs).flatMap(section),
    '## How it is measured',
    '',
    'One gateway, and a process of clients, all on one machine with one clock. The coupon service is stopped, and orders that name a coupon are placed: they stay PENDING, and each has its stream open. Beside them orders without a',
    'coupon are placed at a moderate rate and followed as soon as they are accepted; they end by themselves. Then the coupon service is started again, and refuses all held orders at once (the coupons do not exist).',
    '',
    "*Told* is the time from `happenedAt` of the order's last step, which is taken before its commit, to the arrival of that event at the client. Streams that were opened after their order had ended are counted, but not in these times. A stream fails",
    'when it is refused, breaks, ends without the end of its order, or has not had every step.',
    '',
    'Each stream takes one file descriptor of the client and of the order service, and two of the gateway. Node raises its soft limit to the hard one (`ulimit -Hn`), which must allow for that.',
  ].join('\n')}\n`;
}

function section(result: StreamsResult): string[] {
  const { instances, run, audit } = result;
  return [
    `## ${run.open.toLocaleString('en')} open streams${ofInstances(instances)}`,
    '',
    ...provenance(result),
    '',
    ...header(['told of the end, ms', 'p50', 'p95', 'p99', 'max', 'streams', 'opened after the end', 'failed']),
    toldRow(`${run.livePerSecond} orders/s followed beside them`, run.live),
    toldRow('all of them, ended at once', run.released),
    '',
    `From the start of the coupon service to the last stream: ${(run.releaseMs / 1_000).toFixed(1)} s.`,
    '',
    ...header([
      'resident memory, MiB',
      'before',
      `with ${run.open.toLocaleString('en')} open`,
      'a stream, KiB',
      'after',
    ]),
    ...Object.entries(run.memory.open).map(([name, open]) => {
      const before = run.memory.before[name] ?? 0;
      const each = (open - before) / run.open / 1024;
      return row([name, megabytes(before), megabytes(open), each.toFixed(1), megabytes(run.memory.after[name] ?? 0)]);
    }),
    '',
    ...header([
      'processors while nothing happens, of one core',
      'before',
      `with ${run.open.toLocaleString('en')} open`,
    ]),
    ...run.idle.processes
      .filter(({ name }) => /^(gateway|order|mysql|kafka|followers)/.test(name))
      .map(({ name, cpuSeconds }) => {
        const before = run.idleBefore.processes.find((it) => it.name === name)?.cpuSeconds ?? 0;
        return row([name, percent(before / run.idleBefore.wallSeconds), percent(cpuSeconds / run.idle.wallSeconds)]);
      }),
    '',
    `While ${run.livePerSecond} orders a second were placed and followed beside them:`,
    '',
    ...cpuTable(run.busy),
    '',
    auditLine(audit, '.'),
    '',
  ];
}

function toldRow(what: string, { streams, end, late, failures }: Told): string {
  const failed = Object.entries(failures).map(([why, n]) => `${n} × ${why}`);
  return row([what, ...percentiles(end), milliseconds(end.max), streams, late, failed.join(', ') || 0]);
}
