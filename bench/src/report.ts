import type { OrdersRun } from './orders.ts';
import {
  auditLine,
  cpuTable,
  header,
  milliseconds,
  ofInstances,
  percent,
  percentiles,
  provenance,
  perSecond as rate,
  row,
} from './report-parts.ts';
import { keepAs, type LatencyResult, type OrdersResult, type Results } from './results.ts';
import { confirmedRate } from './sagas.ts';
import { LIMITS } from './search.ts';

/** Renders the whole report from the results alone. */
function renderReport({ orders, latency }: Results): string {
  const loads = Object.values(orders);
  const idle = Object.values(latency);
  return `${[
    '# Orders under load',
    '',
    'Written by `npm run bench` from what it measured (`orders.json` beside this file); not edited by hand.',
    '',
    ...(loads.length > 0 ? summary(loads) : []),
    ...(idle.length > 0 ? idleSection(idle) : []),
    ...loads.flatMap(loadSection),
    ...method(),
  ].join('\n')}\n`;
}

function summary(loads: readonly OrdersResult[]): string[] {
  const lines = loads.map(({ title, instances, run, searched, audit }) =>
    run
      ? row([
          title,
          instances,
          `${rate(run.rate)}${searched ? '' : ' (given)'}`,
          `**${rate(confirmedRate(run.sagas, run.seconds))}**`,
          milliseconds(run.load.answer.p95),
          milliseconds(run.sagas.toCompleted.p95),
          percent(run.failureShare),
          audit.ok ? 'clean' : 'NOT CLEAN',
        ])
      : row([title, instances, 'none held', '', '', '', '', audit.ok ? 'clean' : 'NOT CLEAN']),
  );
  return [
    ...header([
      'load',
      'instances of each',
      'orders/s offered',
      'confirmed/s',
      'answer p95 ms',
      'order → completed p95 ms',
      'failed',
      'audit',
    ]),
    ...lines,
    '',
  ];
}

function idleSection(results: readonly LatencyResult[]): string[] {
  return [
    '## Idle latency',
    '',
    'One order after the other, each through all services, on a system that does nothing else.',
    '',
    ...header([
      'instances of each',
      'orders',
      'answer (201) p50 ms',
      'p95',
      'p99',
      'order → completed p50 ms',
      'p95',
      'failed',
    ]),
    ...results.map(({ instances, latency: { orders, answer, toCompleted, failures } }) =>
      row([
        instances,
        orders,
        ...percentiles(answer),
        milliseconds(toCompleted.p50),
        milliseconds(toCompleted.p95),
        failures,
      ]),
    ),
    '',
    ...results.flatMap((result) => [...provenance(result), '']),
  ];
}

function loadSection(result: OrdersResult): string[] {
  const { title, instances, run, searched, trials, audit } = result;
  return [
    `## ${title}${ofInstances(instances)}${searched ? '' : ', rate given'}`,
    '',
    ...provenance(result),
    '',
    ...(run ? figures(run) : ['No rate held.']),
    '',
    ...(run ? [...cpuTable(run.cpu), ''] : []),
    ...(searched ? [...trialTable(trials), ''] : []),
    auditLine(
      audit,
      `; ${rate(audit.orders)} orders and ${rate(audit.records)} messages in ${(audit.durationMs / 1_000).toFixed(1)} s.`,
    ),
    '',
  ];
}

function trialTable(trials: OrdersResult['trials']): string[] {
  return [
    'What was tried, in this order:',
    '',
    ...header(['orders/s', 'completed in the window/s', 'answer p95 ms', 'CPU of others', 'held']),
    ...trials.map((it) =>
      row([
        rate(it.rate),
        rate(it.confirmedPerSecond),
        milliseconds(it.answerP95Ms),
        percent(it.othersShare),
        it.held ? 'yes' : (it.reason ?? 'no'),
      ]),
    ),
  ];
}

function figures({ rate: offered, seconds, load, sagas, failureShare, held, reason }: OrdersRun): string[] {
  const failures = [
    ...Object.entries(load.failures).map(([kind, n]) => `${n} × ${kind}`),
    ...Object.entries(sagas.cancelled).map(([why, n]) => `${n} × cancelled: ${why}`),
  ];
  return [
    ...header(['', 'value']),
    row(['offered', `${rate(offered)} orders/s for ${seconds} s`]),
    row(['accepted', `${rate(load.accepted / seconds)}/s`]),
    row(['**confirmed** (until the last of them had ended)', `**${rate(confirmedRate(sagas, seconds))}/s**`]),
    row(['after the last request, until the last order ended', `${milliseconds(sagas.drainMs)} ms`]),
    row(['failed', `${percent(failureShare)}${failures.length > 0 ? ` (${failures.join(', ')})` : ''}`]),
    row(['held', held ? 'yes' : `no: ${reason}`]),
    row(['latest send after it was due', `${milliseconds(load.latestSendMs)} ms`]),
    '',
    ...header(['ms', 'p50', 'p95', 'p99', 'max', 'of']),
    row(['answer (202)', ...percentiles(load.answer), milliseconds(load.answer.max), load.answer.count]),
    row([
      'order → completed (rows)',
      ...percentiles(sagas.toCompleted),
      milliseconds(sagas.toCompleted.max),
      sagas.toCompleted.count,
    ]),
    row([
      'order → 201 (`Prefer: wait`)',
      ...percentiles(load.waited),
      milliseconds(load.waited.max),
      load.waited.count,
    ]),
  ];
}

function method(): string[] {
  return [
    '## How it is measured',
    '',
    'The load is open: requests are sent on a fixed schedule, whatever the answers do, by a process of its own on the same machine, and each latency counts from the',
    'moment its request was due. The stack is warmed up before, and five seconds of the same load go before each window and are not counted. Some requests each second wait for the end of their order (`Prefer: wait`).',
    "Confirmed are the window's orders that completed, a second, over the window and until the last of them had ended. Users and products are drawn at random, the same in every run; each user has enough points.",
    `A rate holds when less than ${percent(LIMITS.failureShare)} fail (no 2xx, or an order that does not complete), the answer's p95 is below ${LIMITS.answerP95Ms} ms, ` +
      `${percent(LIMITS.confirmedShare)} of what is offered completes within the window, and the last order ends within ${LIMITS.drainMs / 1_000} s after the last request.`,
    'A rate that does not hold is tried once more, and up to three times more if others used more than 15 % of the machine.',
  ];
}

/** Replaces the last results of the same kind, and renders the report from all. @returns its path */
export function keepResults(change: (results: Results) => void): string {
  return keepAs('orders', { orders: {}, latency: {} }, change, renderReport);
}
