import { GENERATOR } from './flood/plan.ts';
import { auditLine, header, milliseconds, percent, perSecond, provenance, row } from './report-parts.ts';
import type { AuditSummary, Measurement } from './results.ts';
import type { Soak } from './soak.ts';

export interface SoakResult extends Measurement {
  readonly soak: Soak;
  readonly audit: AuditSummary;
}

/** The last soak of each length. */
export interface SoakResults {
  readonly soaks: Record<string, SoakResult>;
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0);

export function renderSoaks({ soaks }: SoakResults): string {
  return `${[
    '# A long load',
    '',
    'Written by `npm run bench -- soak` from what it measured (`soak.json` beside this file); not edited by hand.',
    '',
    ...Object.values(soaks).flatMap(section),
    '## How it is measured',
    '',
    'Orders at 60 % of the rate that holds, with coupon requests and reads beside, in an open loop: each time counts from when the request was due. Twenty seconds of the same load go before and are not counted. CPU and memory are read each',
    'minute, rows are counted before and after. The verdict compares the first third of the minutes with the last: the median of their p99 may grow by 30 %; and the memory of each service in the last third may be 10 % above that of the middle third.',
  ].join('\n')}\n`;
}

function section(result: SoakResult): string[] {
  const { soak, audit } = result;
  const { peak, rates, step, minutes, verdict } = soak;
  const { ok, p99, reasons } = verdict;
  const failures = Object.entries(step.kinds).map(([name, { offered, right }]) => {
    return `${name} ${perSecond(right)} of ${perSecond(offered)} (${percent(right / Math.max(1, offered))})`;
  });
  return [
    `## ${minutes.length} minutes`,
    '',
    ...provenance(result),
    '',
    `${perSecond(rates.orders)} orders, ${perSecond(rates.coupons)} coupon requests and ${perSecond(rates.reads)} reads a second; ${perSecond(peak)} orders a second hold. Answered right: ${failures.join(', ')}.`,
    '',
    `Verdict: **${ok ? 'as quick and as small at the end as at the beginning' : reasons.join('; ')}**. The p99 of the orders was ${milliseconds(p99.first)} ms in the first third of the minutes and ${milliseconds(p99.last)} ms in the last. ${auditLine(audit, '.')}`,
    '',
    '### By minute',
    '',
    ...answers(soak),
    '',
    '### Memory, MiB, and CPU, cores',
    '',
    ...processes(soak),
    '',
    '### Growth',
    '',
    ...growth(soak),
    '',
  ];
}

function answers({ minutes }: Soak): string[] {
  const kinds = Object.keys(minutes[0]?.answers ?? {});
  return [
    ...header([
      'minute',
      ...kinds.flatMap((kind) => [`${kind} p50 ms`, 'p99', 'not right']),
      'order → completed p50 ms',
      'p99',
    ]),
    ...minutes.map(({ answers: all, toCompleted }, index) =>
      row([
        index + 1,
        ...kinds.flatMap((kind) => {
          const it = all[kind];
          return it ? [milliseconds(it.p50), milliseconds(it.p99), it.offered - it.right] : ['', '', ''];
        }),
        milliseconds(toCompleted.p50),
        milliseconds(toCompleted.p99),
      ]),
    ),
  ];
}

function processes({ minutes }: Soak): string[] {
  const names = [...new Set(minutes.flatMap(({ processes: all }) => all.map(({ name }) => name)))].filter(
    (name) => name !== GENERATOR,
  );
  return [
    ...header(['minute', ...names]),
    ...minutes.map(({ processes: all }, index) =>
      row([
        index + 1,
        ...names.map((name) => {
          const it = all.find((each) => each.name === name);
          return it ? `${Math.round(it.rssBytes / 2 ** 20)}, ${(it.cpuSeconds / 60).toFixed(2)}` : '';
        }),
      ]),
    ),
  ];
}

function growth({ minutes, tablesBefore, tablesAfter }: Soak): string[] {
  const [first, last] = [minutes[0], minutes.at(-1)];
  const length = Math.max(1, minutes.length - 1);
  const grown = (from = 0, to = 0) => mib((to - from) / length);
  return [
    ...header(['table', 'rows before', 'rows after', 'MiB before', 'MiB after']),
    ...tablesAfter
      .map((after) => ({ after, before: tablesBefore.find(({ name }) => name === after.name) }))
      .filter(({ after, before }) => after.rows !== before?.rows)
      .map(({ after, before }) =>
        row([
          after.name,
          perSecond(before?.rows ?? 0),
          perSecond(after.rows),
          mib(before?.bytes ?? 0),
          mib(after.bytes),
        ]),
      ),
    '',
    ...header(['schema or topic', 'MiB after the first minute', 'after the last', 'a minute']),
    ...(['schemas', 'topics'] as const).flatMap((kind) =>
      Object.keys(last?.[kind] ?? {})
        .sort()
        .map((name) => {
          const [from, to] = [first?.[kind][name], last?.[kind][name]];
          return row([name, mib(from ?? 0), mib(to ?? 0), grown(from, to)]);
        }),
    ),
  ];
}
