import type { Machine } from '../../../bench/src/machine.ts';

/** One test of a drill. */
export interface Drill {
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
  readonly ms: number;
}

/** A figure that a drill noted. */
export interface Figure {
  readonly drill: string;
  readonly what: string;
  readonly value: string;
}

/** docs/reports/drills.md. */
export function drillsReport(machine: Machine, drills: readonly Drill[], figures: readonly Figure[]): string {
  const { cores, cpu, memoryGb, loadBefore, node, commit, at } = machine;
  const failed = drills.filter(({ passed }) => !passed).length;
  return `# Drills

Written by \`npm run drills\` from what it saw; not edited by hand. Each drill runs on a stack of its own, with the full amount of orders, coupons and changes; \`npm test\` runs some of them with a part of it.

${cores} cores (${cpu}), ${memoryGb} GB of memory; load average before ${loadBefore}; Node ${node}, commit ${commit}, ${at}.

${drills.length - failed} passed, ${failed} failed.

| figure | of | value |
|---|---|---|
${figures.map(({ drill, what, value }) => `| ${what} | ${drill} | ${value} |`).join('\n')}

| drill | file | took | result |
|---|---|---|---|
${drills.map(({ name, file, ms, passed }) => `| ${name} | \`${file}\` | ${(ms / 1_000).toFixed(1)} s | ${passed ? 'passed' : '**failed**'} |`).join('\n')}
`;
}
