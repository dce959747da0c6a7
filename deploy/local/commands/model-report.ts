import type { Machine } from '../../../bench/src/machine.ts';

/** What the scripts of one part did. */
export interface PartFigures {
  readonly part: string;
  readonly scripts: number;
  readonly acts: number;
  /** Acts after which a session waited for a lock. */
  readonly waits: number;
  readonly deadlocks: number;
  readonly duplicateKeys: number;
  readonly ms: number;
  /** For people, each the shortest script that shows it. */
  readonly differences: readonly string[];
  /** Scripts that differed, and did not when they ran again. */
  readonly once: readonly string[];
}

/** docs/reports/model.md. */
export function modelReport(machine: Machine, figures: readonly PartFigures[]): string {
  const { cores, cpu, memoryGb, loadBefore, node, commit, at } = machine;
  const sum = (of: (it: PartFigures) => number) => figures.reduce((total, it) => total + of(it), 0);
  const row = (it: Omit<PartFigures, 'differences' | 'once'>, differences: number, once: number) =>
    `| ${it.part} | ${it.scripts} | ${it.acts} | ${it.waits} | ${it.deadlocks} | ${it.duplicateKeys} | ${differences} | ${once} | ${(it.ms / 1_000).toFixed(0)} s |`;
  const all = {
    part: 'all',
    scripts: sum((it) => it.scripts),
    acts: sum((it) => it.acts),
    waits: sum((it) => it.waits),
    deadlocks: sum((it) => it.deadlocks),
    duplicateKeys: sum((it) => it.duplicateKeys),
    ms: sum((it) => it.ms),
  };
  const differences = figures.flatMap((it) => it.differences);
  const once = figures.flatMap((it) => it.once);
  return `# The model of MySQL against MySQL

Written by \`npm run model\` from what it saw; not edited by hand. Random scripts of two to four sessions call the services' stores on MySQL and on the model that the simulation runs on; answers, who waits for a lock, and the committed rows at the end must be among those that the model allows ([ADR 44](../adr/0044-the-model-is-held-against-mysql.md)).

${cores} cores (${cpu}), ${memoryGb} GB of memory; load average before ${loadBefore}; Node ${node}, commit ${commit}, ${at}.

| part | scripts | acts | acts after which somebody waits | deadlocks | duplicate keys | differences | differed once, not again | took |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
${[...figures.map((it) => row(it, it.differences.length, it.once.length)), row(all, differences.length, once.length)].join('\n')}
${differences.map(inFence).join('')}${once.length > 0 ? `\nDiffered once, and not when the script ran again (some locks depend on when InnoDB purges):\n${once.map(inFence).join('')}` : ''}`;
}

const inFence = (text: string): string => `\n\`\`\`\n${text}\n\`\`\`\n`;
