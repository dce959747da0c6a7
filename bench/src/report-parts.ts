import type { Latency } from './latency.ts';
import type { Machine } from './machine.ts';
import type { CpuUse } from './processes.ts';
import type { AuditSummary } from './results.ts';

export const milliseconds = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
export const perSecond = (value: number) => Math.round(value).toLocaleString('en');
export const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
export const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
export const header = (cells: readonly string[]) => [
  row(cells),
  row(cells.map((_, index) => (index === 0 ? '---' : '---:'))),
];

export function percentiles({ p50, p95, p99 }: Latency): string[] {
  return [p50, p95, p99].map(milliseconds);
}

/** The users of the processors, which show the bottleneck. */
export function cpuTable({ processes, othersSeconds, idleSeconds, wallSeconds }: CpuUse): string[] {
  const cores = (seconds: number) => (seconds / wallSeconds).toFixed(2);
  const sorted = [...processes].sort((a, b) => b.cpuSeconds - a.cpuSeconds);
  const listed = sorted.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const all = listed + othersSeconds + idleSeconds;
  const application = sorted.filter(({ name }) => /^(gateway|order|catalog|payment|coupon|ranking)-\d/.test(name));
  const memory = application.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / 2 ** 20;
  const first = sorted.slice(0, 3).map(({ name, cpuSeconds }) => `${name} ${percent(cpuSeconds / all)}`);
  return [
    ...header(['process', 'CPU seconds', 'cores', 'share of the machine', 'RSS MiB']),
    ...sorted.map(({ name, cpuSeconds, rssBytes }) =>
      row([name, cpuSeconds.toFixed(1), cores(cpuSeconds), percent(cpuSeconds / all), Math.round(rssBytes / 2 ** 20)]),
    ),
    row(['others on the machine', othersSeconds.toFixed(1), cores(othersSeconds), percent(othersSeconds / all), '']),
    row(['idle', idleSeconds.toFixed(1), cores(idleSeconds), percent(idleSeconds / all), '']),
    '',
    `${idleSeconds / all < 0.1 ? `The processors bind: ${percent(idleSeconds / all)} idle.` : `The processors do not bind alone: ${percent(idleSeconds / all)} idle.`} Others used ${percent(othersSeconds / all)}. Most of the rest went to ${first.join(', ')}. The application's ${application.length} processes hold ${Math.round(memory)} MiB.`,
  ];
}

/** The heading's part about the number of instances; empty for one. */
export function ofInstances(instances: number): string {
  return instances > 1 ? `, ${instances} instances of each service` : '';
}

/** The audit's verdict. @param clean text after a clean verdict, with its punctuation */
export function auditLine({ ok, failed }: AuditSummary, clean: string): string {
  return ok ? `Audit afterwards: clean${clean}` : `Audit afterwards: NOT clean: ${failed.join(', ')}.`;
}

/** The command, the machine and other load on it. */
export function provenance({
  command,
  machine,
  target,
  binlog = false,
}: {
  command: string;
  machine: Machine;
  target: string;
  binlog?: boolean;
}): string[] {
  return [`\`${command}\` on ${target}${binlog ? ', MySQL with a binary log' : ''}; ${describeMachine(machine)}`];
}

function describeMachine(machine: Machine): string {
  return (
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB of memory, shared by generator, databases, broker and services; ` +
    `load average before ${machine.loadBefore}; Node ${machine.node}, commit ${machine.commit}, ${machine.at}.`
  );
}
