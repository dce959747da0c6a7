import { type DeliveryRun, RETURN_SECONDS } from './delivery.ts';
import { othersShare } from './processes.ts';
import { auditLine, header, ofInstances, percent, percentiles, perSecond, provenance, row } from './report-parts.ts';
import type { AuditSummary, Measurement } from './results.ts';
import { confirmedRate } from './sagas.ts';

export interface DeliveryResult extends Measurement {
  readonly instances: number;
  readonly runs: readonly DeliveryRun[];
  readonly audit: AuditSummary;
}

export interface DeliveryResults {
  readonly results: Record<string, DeliveryResult>;
}

export function renderDeliveryReport({ results }: DeliveryResults): string {
  return `${[
    '# Orders while the data platform is away',
    '',
    'Written by `npm run bench -- delivery` from what it measured (`delivery.json` beside this file); not edited by hand.',
    '',
    ...Object.values(results).flatMap(section),
    '## How it is measured',
    '',
    'The same open load of orders, once each and in this order on one stack: with the data platform; with one that is stopped by a signal (it takes connections and answers nothing) from before the load to after it; with one that has ended. After these two it comes back',
    `at the start of a window of ${RETURN_SECONDS} s, so that what it has missed is delivered beside new orders; the time is until it has that many more events, new ones included, and the wait until it is tried again is part of it.`,
    '',
    'Deliveries are a consumer group of their own in the order service, with a deadline and a breaker: no order waits for one. While the platform is away there is less to do, and the orders are no slower. While a backlog is delivered, as fast as the platform takes it, it shares',
    "the order service's processor with the orders, and their p95 and p99 are longer for those seconds.",
  ].join('\n')}\n`;
}

function section(result: DeliveryResult): string[] {
  const { instances, runs, audit } = result;
  const [first] = runs;
  if (!first) return [];
  return [
    `## ${perSecond(first.orders.rate)} orders a second for ${first.orders.seconds} s${ofInstances(instances)}`,
    '',
    ...provenance(result),
    '',
    ...header([
      'the data platform is',
      'confirmed/s',
      'answer p50 ms',
      'p95',
      'p99',
      'order → completed p50 ms',
      'p95',
      'p99',
      'failed',
      'delivered meanwhile',
      'order service, ms of CPU an order',
      'CPU of others',
    ]),
    ...runs.map(line),
    '',
    auditLine(audit, `; ${perSecond(audit.orders)} orders, each end delivered once by event id.`),
    '',
  ];
}

function line({ title, orders, backlog }: DeliveryRun): string {
  const { sagas, load, cpu, seconds, failureShare } = orders;
  const used = cpu.processes.filter(({ name }) => name.startsWith('order-'));
  const cpuMs = used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds * 1_000, 0) / load.offered;
  return row([
    title,
    perSecond(confirmedRate(sagas, seconds)),
    ...percentiles(load.answer),
    ...percentiles(sagas.toCompleted),
    percent(failureShare),
    backlog ? `${perSecond(backlog.ends)} missed, in ${(backlog.deliveredMs / 1_000).toFixed(1)} s` : '',
    cpuMs.toFixed(2),
    percent(othersShare(cpu)),
  ]);
}
