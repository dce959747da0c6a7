import type { CpuUse } from './processes.ts';
import { othersShare } from './processes.ts';
import {
  auditLine,
  cpuTable,
  header,
  milliseconds,
  ofInstances,
  percent,
  percentiles,
  perSecond,
  provenance,
  row,
} from './report-parts.ts';
import type { Fact, RequestsRun } from './requests.ts';
import type { AuditSummary, Measurement } from './results.ts';
import { LIMITS } from './search.ts';

export interface RequestsResult extends Measurement {
  readonly title: string;
  readonly instances: number;
  /** The highest rate that held, or the requested one. */
  readonly run: RequestsRun | undefined;
  readonly searched: boolean;
  readonly trials: readonly RequestsTrial[];
  readonly audit: AuditSummary;
  /** Further measurements beside the rate. */
  readonly facts?: readonly Fact[];
}

export interface RequestsTrial {
  readonly rate: number;
  readonly held: boolean;
  readonly reason?: string;
  readonly rightPerSecond: number;
  readonly answerP95Ms: number;
  readonly othersShare: number;
}

export function summarizeRequests({ rate, seconds, held, reason, load, cpu }: RequestsRun): RequestsTrial {
  return {
    rate,
    held,
    ...(reason !== undefined && { reason }),
    rightPerSecond: load.accepted / seconds,
    answerP95Ms: load.answer.p95,
    othersShare: othersShare(cpu),
  };
}

/** All loads of one report, the last of each kind. */
export interface RequestsResults {
  readonly loads: Record<string, RequestsResult>;
}

export interface RequestsReport {
  /** Name of the files in docs/reports, and of the command. */
  readonly name: string;
  readonly heading: string;
  /** The right answer of a load, and other remarks. */
  readonly method: readonly string[];
}

/** Renders the whole report from the results alone. */
export function renderRequestsReport({ name, heading, method }: RequestsReport, { loads }: RequestsResults): string {
  const all = Object.values(loads);
  return `${[
    `# ${heading}`,
    '',
    `Written by \`npm run bench -- ${name}\` from what it measured (\`${name}.json\` beside this file); not edited by hand.`,
    '',
    ...header([
      'load',
      'instances of each',
      'offered/s',
      'right answers/s',
      'p50 ms',
      'p95',
      'p99',
      'failed',
      'generator',
      'gateway',
      'audit',
    ]),
    ...all.map(summaryRow),
    '',
    '*generator* and *gateway*: what each took of the whole machine.',
    '',
    ...all.flatMap(section),
    '## How it is measured',
    '',
    'The load is open: requests are sent on a fixed schedule, whatever the answers do, by a process of its own on the same machine, and each latency counts from the moment its request was due.',
    'Five seconds of the same load go before each window and are not counted.',
    ...method,
    `A rate holds when less than ${percent(LIMITS.failureShare)} of the answers are not the right one and their p95 is below ${LIMITS.answerP95Ms} ms; where work goes on after the answer, ` +
      `${percent(LIMITS.confirmedShare)} of it must be done within the window and the rest ${LIMITS.drainMs / 1_000} s after it.`,
    'A rate that does not hold is tried once more, and up to three times more if others used more than 15 % of the machine.',
  ].join('\n')}\n`;
}

function summaryRow({ title, instances, run, searched, audit }: RequestsResult): string {
  const verdict = audit.ok ? 'clean' : 'NOT CLEAN';
  if (!run) return row([title, instances, 'none held', '', '', '', '', '', '', '', verdict]);
  return row([
    title,
    instances,
    `${perSecond(run.rate)}${searched ? '' : ' (given)'}${run.held ? '' : ' NOT HELD'}`,
    `**${perSecond(run.load.accepted / run.seconds)}**`,
    ...percentiles(run.load.answer),
    percent(run.failureShare),
    percent(shareOf(run.cpu, /^generator$/)),
    percent(shareOf(run.cpu, /^gateway-/)),
    verdict,
  ]);
}

/** Share of all processors used by processes of these names, 0 to 1. */
export function shareOf({ processes, othersSeconds, idleSeconds }: CpuUse, names: RegExp): number {
  const sum = (list: CpuUse['processes']) => list.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);
  const all = sum(processes) + othersSeconds + idleSeconds;
  return all > 0 ? sum(processes.filter(({ name }) => names.test(name))) / all : 0;
}

function section(result: RequestsResult): string[] {
  const { title, instances, run, searched, trials, audit, facts = [] } = result;
  return [
    `## ${title}${ofInstances(instances)}${searched ? '' : ', rate given'}`,
    '',
    ...provenance(result),
    '',
    ...(run ? figures(run, facts) : ['No rate held.']),
    '',
    ...(run ? [...cpuTable(run.cpu), ''] : []),
    ...(searched ? [...trialTable(trials), ''] : []),
    auditLine(audit, `; ${perSecond(audit.records)} messages in ${(audit.durationMs / 1_000).toFixed(1)} s.`),
    '',
  ];
}

function figures(
  { rate, seconds, load, failureShare, held, reason, facts }: RequestsRun,
  more: readonly Fact[],
): string[] {
  const failures = Object.entries(load.failures).map(([kind, n]) => `${n} × ${kind}`);
  return [
    ...header(['', 'value']),
    row(['offered', `${perSecond(rate)}/s for ${seconds} s`]),
    row(['**right answers**', `**${perSecond(load.accepted / seconds)}/s**`]),
    row(['failed', `${percent(failureShare)}${failures.length > 0 ? ` (${failures.join(', ')})` : ''}`]),
    row(['answer p50, p95, p99, max', `${[...percentiles(load.answer), milliseconds(load.answer.max)].join(', ')} ms`]),
    ...[...facts, ...more].map(([name, value]) => row([name, value])),
    row(['held', held ? 'yes' : `no: ${reason}`]),
    row(['latest send after it was due', `${milliseconds(load.latestSendMs)} ms`]),
  ];
}

function trialTable(trials: readonly RequestsTrial[]): string[] {
  return [
    'What was tried, in this order:',
    '',
    ...header(['offered/s', 'right answers/s', 'p95 ms', 'CPU of others', 'held']),
    ...trials.map((it) =>
      row([
        perSecond(it.rate),
        perSecond(it.rightPerSecond),
        milliseconds(it.answerP95Ms),
        percent(it.othersShare),
        it.held ? 'yes' : (it.reason ?? 'no'),
      ]),
    ),
  ];
}
