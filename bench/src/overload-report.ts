import type { OpeningResult } from './flood/plan.ts';
import { GENERATOR } from './flood/plan.ts';
import type { Tallied } from './flood/tally.ts';
import { finishedPerSecond, OVERLOAD_TITLES, type Overload, type OverloadStep } from './overload.ts';
import type { CpuUse } from './processes.ts';
import { auditLine, header, milliseconds, percent, percentiles, perSecond, provenance, row } from './report-parts.ts';
import type { AuditSummary, Measurement } from './results.ts';
import type { Stall, StallStep } from './stall.ts';

interface Judged extends Measurement {
  readonly audit: AuditSummary;
}

export interface OverloadResult extends Judged {
  readonly overload: Overload;
}

export interface OpeningReport extends Judged {
  readonly opening: OpeningResult & { readonly cpu: CpuUse };
  readonly timelySeconds: number;
  /** Number of coupons and pieces. */
  readonly stock: number;
}

export interface StallResult extends Judged {
  readonly stall: Stall;
}

/** All measured results, the last of each kind. */
export interface OverloadResults {
  readonly overloads: Record<string, OverloadResult>;
  readonly openings: Record<string, OpeningReport>;
  readonly stalls: Record<string, StallResult>;
}

export const NO_OVERLOADS: OverloadResults = { overloads: {}, openings: {}, stalls: {} };

export function renderOverloads({ overloads, openings, stalls }: OverloadResults): string {
  return `${[
    '# Overload',
    '',
    'Written by `npm run bench -- overload`, `opening` and `stall` from what they measured (`overload.json` beside this file); not edited by hand.',
    '',
    ...Object.values(overloads).flatMap(overloadSection),
    ...Object.values(openings).flatMap(openingSection),
    ...Object.values(stalls).flatMap(stallSection),
    ...method(),
  ].join('\n')}\n`;
}

function overloadSection(result: OverloadResult): string[] {
  const { overload, audit } = result;
  const { name, peak, searched, steps, normalAfterSeconds } = overload;
  const kinds = Object.keys(steps[0]?.kinds ?? {});
  return [
    `## ${OVERLOAD_TITLES[name]}`,
    '',
    ...provenance(result),
    '',
    `The rate that holds: ${perSecond(peak)}/s${searched ? '' : ' (given)'}.`,
    '',
    ...kinds.flatMap((kind) => [
      ...(kinds.length > 1 ? [`### Of it, ${kind}`, ''] : []),
      ...header([...COLUMNS, 'finished ÷ that at 1 ×']),
      ...steps.map((step) =>
        row([
          ...cells(step.name, step, kind, finishedPerSecond(step, kind)),
          share(finishedPerSecond(step, kind), steps[0] ? finishedPerSecond(steps[0], kind) : 0),
        ]),
      ),
      '',
      ...otherAnswers(steps, kind),
    ]),
    ...(kinds.includes('orders') ? orderTable(steps) : []),
    ...machineTable(steps),
    normalAfterSeconds === undefined
      ? 'After the flood, answer times were **not normal** by the end.'
      : `After the flood, answer times were normal from second **${normalAfterSeconds}** on.`,
    '',
    generatorCost(steps),
    '',
    auditLine(audit, `; ${perSecond(audit.orders)} orders, ${perSecond(audit.records)} messages.`),
    '',
  ];
}

const COLUMNS = [
  'step',
  'offered/s',
  'finished/s',
  'right',
  'served p50 ms',
  'p95',
  'p99',
  'refused',
  'refused p50 ms',
  'p95',
  'p99',
  'gone after 10 s',
  'no connection',
  'cut',
];

function cells(
  name: string,
  { kinds, seconds }: Pick<OverloadStep, 'kinds' | 'seconds'>,
  kind: string,
  finished: number,
): string[] {
  const it = kinds[kind];
  if (!it) return [name];
  const part = (n: number) => (n === 0 ? '0' : `${n.toLocaleString('en')} (${percent(n / it.offered)})`);
  return [
    name,
    perSecond(it.offered / seconds),
    `**${perSecond(finished)}**`,
    percent(it.right / Math.max(1, it.offered)),
    ...(it.served.count > 0 ? percentiles(it.served) : ['', '', '']),
    part(it.refused),
    ...(it.refusedIn.count > 0 ? percentiles(it.refusedIn) : ['', '', '']),
    part(it.gone),
    part(it.unconnected),
    part(it.cut),
  ];
}

const share = (value: number, of: number) => (of > 0 ? percent(value / of) : '');

function otherAnswers(steps: readonly { name: string; kinds: Readonly<Record<string, Tallied>> }[], kind: string) {
  const words = steps.flatMap(({ name, kinds }) =>
    Object.entries(kinds[kind]?.wrong ?? {}).map(([answer, n]) => `${name}: ${n} × ${answer}`),
  );
  return words.length > 0 ? [`Other answers: ${words.join('; ')}.`, ''] : [];
}

function orderTable(steps: readonly Pick<StallStep, 'name' | 'kinds' | 'orders'>[] | readonly OverloadStep[]) {
  return [
    ...header([
      'orders',
      'accepted (202)',
      'rows',
      'accepted, then ended by their deadline',
      'otherwise cancelled',
      'order → completed p50 ms',
      'p95',
      'p99',
    ]),
    ...steps.flatMap(({ name, kinds, orders }) =>
      orders
        ? [
            row([
              name,
              perSecond(kinds.orders?.right ?? 0),
              perSecond(orders.placed),
              perSecond(orders.missedDeadline),
              Object.entries(orders.cancelled)
                .map(([why, n]) => `${n} × ${why}`)
                .join(', ') || '0',
              ...percentiles(orders.toCompleted),
            ]),
          ]
        : [],
    ),
    '',
  ];
}

const SERVICE = /^(gateway|order|catalog|payment|coupon|ranking)-\d/;

/** Cores used by the generator and the stack's processes, and the services' memory. */
function machineTable(
  steps: readonly Pick<OverloadStep, 'name' | 'cpu' | 'latestSendMs' | 'mostWaiting' | 'unsent'>[],
) {
  const names = [...new Set(steps.flatMap(({ cpu }) => cpu.processes.map(({ name }) => name)))];
  const busy = names.filter((name) => steps.some(({ cpu }) => cores(cpu, name) >= 0.05));
  return [
    ...header([
      'cores',
      ...busy,
      'others',
      'idle',
      'RSS of the services MiB',
      'clients at once',
      'sent late by ms',
      'unsent',
    ]),
    ...steps.map(({ name, cpu, latestSendMs, mostWaiting, unsent }) =>
      row([
        name,
        ...busy.map((process) => cores(cpu, process).toFixed(2)),
        (cpu.othersSeconds / cpu.wallSeconds).toFixed(2),
        (cpu.idleSeconds / cpu.wallSeconds).toFixed(2),
        Math.round(
          cpu.processes.filter((it) => SERVICE.test(it.name)).reduce((sum, it) => sum + it.rssBytes, 0) / 2 ** 20,
        ),
        mostWaiting.toLocaleString('en'),
        milliseconds(latestSendMs),
        unsent.toLocaleString('en'),
      ]),
    ),
    '',
  ];
}

function cores({ processes, wallSeconds }: CpuUse, name: string): number {
  return (processes.find((it) => it.name === name)?.cpuSeconds ?? 0) / wallSeconds;
}

/** The generator's cost of a request, in time of the processors that it shares with the stack. */
function generatorCost(steps: readonly Pick<OverloadStep, 'name' | 'cpu' | 'kinds'>[]): string {
  const costs = steps.map(({ name, cpu, kinds }) => {
    const requests = Object.values(kinds).reduce((sum, { offered }) => sum + offered, 0);
    const seconds = cpu.processes.find((it) => it.name === GENERATOR)?.cpuSeconds ?? 0;
    return `${name}: ${Math.round((seconds * 1e6) / Math.max(1, requests))} µs`;
  });
  return `A request costs the generator ${costs.join(', ')} of processor time.`;
}

function openingSection(result: OpeningReport): string[] {
  const { opening, audit, timelySeconds, stock } = result;
  const { clients, timely, unfinished, ends, again, requests, toCoupon, toOrder, lastedSeconds } = opening;
  return [
    `## An opening: ${perSecond(clients)} clients at once, ${perSecond(stock)} coupons and ${perSecond(stock)} pieces`,
    '',
    ...provenance(result),
    '',
    'Each client wants a coupon, and then an order of one piece, of the same product. All are patient: on 503 or 429 they come back after `Retry-After` and a random part of a second; after a lost connection or a silence of 20 s, after one to two seconds.',
    '',
    ...header(['', 'value']),
    row([`**know both ends within ${timelySeconds} s**`, `**${percent(timely / clients)}**`]),
    row(['never knew', perSecond(unfinished)]),
    row(['requests of a client: median, max', `${requests.median}, ${requests.max}`]),
    row(['requests in all', perSecond(requests.all)]),
    row(['how it ended', counts(ends)]),
    row(['came back, because', counts(again) || 'nobody had to']),
    row(['the last knew after', `${lastedSeconds.toFixed(1)} s`]),
    '',
    ...header(['from coming to knowing, s', 'p50', 'p95', 'max', 'of']),
    ...(
      [
        ['the coupon', toCoupon],
        ['the order', toOrder],
      ] as const
    ).map(([name, it]) =>
      row([name, ...[it.p50, it.p95, it.max].map((ms) => (ms / 1_000).toFixed(1)), perSecond(it.count)]),
    ),
    '',
    auditLine(audit, '.'),
    '',
  ];
}

const counts = (all: Readonly<Record<string, number>>) =>
  Object.entries(all)
    .map(([name, n]) => `${n.toLocaleString('en')} × ${name}`)
    .join(', ');

function stallSection(result: StallResult): string[] {
  const { stall, audit } = result;
  const { service, peak, steps, answersNormalAfterSeconds, completionsNormalAfterSeconds } = stall;
  const kinds = Object.keys(steps[0]?.kinds ?? {});
  const after = (seconds: number | undefined) => (seconds === undefined ? 'not by the end' : `after ${seconds} s`);
  return [
    `## The ${service} service stands still for ${steps[1]?.seconds ?? 0} s`,
    '',
    ...provenance(result),
    '',
    `Orders at ${perSecond(peak)}/s with 100 reads a second beside; the process is stopped (SIGSTOP), then goes on (SIGCONT).`,
    '',
    ...kinds.flatMap((kind) => [
      `### ${kind}`,
      '',
      ...header(COLUMNS),
      ...steps.map((step) => row(cells(step.name, step, kind, finishedPerSecond(step, kind)))),
      '',
      ...otherAnswers(steps, kind),
    ]),
    ...orderTable(steps),
    ...machineTable(steps),
    `Once it went on, answers were normal ${after(answersNormalAfterSeconds)}, completions ${after(completionsNormalAfterSeconds)}.`,
    '',
    auditLine(audit, '.'),
    '',
  ];
}

function method(): string[] {
  return [
    '## How it is measured',
    '',
    'The load is open: requests are sent on a fixed schedule whatever the answers do, by one process on the same machine, and each time counts from when the request was due. Each waiting client has a connection of its own, 10,000 at',
    'most; one whose answer came serves the next client. A client without an answer for 10 s is gone: its connection is destroyed. The rate that holds is searched for by short steps, each a quarter higher: p95 below 200 ms, less than 1 % not answered right, no backlog.',
    '',
    '*Finished*: orders by their rows (completed while the step was on), anything else by its right answers that came while the step was on; all other columns are of the requests that were due in the step. *Served* and *refused* (503, 429)',
    'have their times apart. *No connection*: not accepted, or 10,000 waited already. *Cut*: the connection ended before the answer. *Unsent*: the generator was too late to send them at all.',
    'Normal is a second, of those at half the rate, from which on every one has 99 % right answers with a p95 below twice that of the first step; of a mix, all its kinds.',
  ];
}
