import type { Machine } from '../machine.ts';
import { header, row } from '../report-parts.ts';
import type { AuditSummary } from '../results.ts';
import { type LoadName, type Measured, TITLES, type Trials } from './loads.ts';
import { type Compared, compareFigures } from './ratios.ts';

/** One run of one side. */
export interface SideRun {
  readonly side: 'old' | 'new';
  readonly measured: Measured;
  readonly trials: readonly Trials[];
  readonly audit: AuditSummary;
}

/** One load, over all pairs. */
export interface LoadComparison {
  readonly command: string;
  readonly machine: Machine;
  /** Whether each side's database keeps a binary log. */
  readonly binlog: { readonly old: boolean; readonly new: boolean };
  readonly pairs: number;
  readonly figures: readonly Compared[];
}

export interface Comparison {
  readonly old: string;
  readonly new: string;
  /** Variables in the environment of the new side only: `MYSQL_BINLOG=on`. */
  readonly with: readonly string[];
  readonly loads: Partial<Record<LoadName, LoadComparison>>;
  /** The runs of the last command, with their trials. */
  readonly runs: readonly SideRun[];
}

/** The last comparison of each pair of sides. */
export interface Comparisons {
  readonly comparisons: Record<string, Comparison>;
}

/** Compares the runs of each pair by load. `pairs` are in the order they were made. */
export function compareRuns(
  pairs: readonly (readonly SideRun[])[],
  about: Pick<LoadComparison, 'command' | 'machine' | 'binlog'>,
): Partial<Record<LoadName, LoadComparison>> {
  const names = Object.keys(TITLES) as LoadName[];
  const entries = names.flatMap((name) => {
    const both = pairs.flatMap((runs) => {
      const before = runs.find(({ side }) => side === 'old')?.measured[name];
      const after = runs.find(({ side }) => side === 'new')?.measured[name];
      return before && after ? [{ old: before, new: after }] : [];
    });
    return both.length > 0 ? [[name, { ...about, pairs: both.length, figures: compareFigures(both) }] as const] : [];
  });
  return Object.fromEntries(entries);
}

export function renderComparisons({ comparisons }: Comparisons): string {
  return `${[
    '# Two commits compared',
    '',
    'Written by `npm run bench -- compare` from what it measured (`compare.json` beside this file); not edited by hand.',
    '',
    ...Object.values(comparisons).flatMap(section),
    ...method(),
  ].join('\n')}\n`;
}

function section({ old, new: fresh, with: extra, loads, runs }: Comparison): string[] {
  const unclean = runs.filter(({ audit }) => !audit.ok);
  return [
    `## ${old} → ${fresh}${extra.length > 0 ? ` with ${extra.join(', ')}` : ''}`,
    '',
    ...(Object.entries(loads) as [LoadName, LoadComparison][]).flatMap(([name, load]) => [
      `### ${TITLES[name]}`,
      '',
      ...header(['', `old (${old})`, 'new', 'new ÷ old', 'least', 'most']),
      ...load.figures.map(figureRow),
      '',
      `\`${load.command}\`: ${load.pairs} pairs; ${binaryLogs(load.binlog)}${describe(load.machine)}`,
      '',
    ]),
    unclean.length === 0
      ? `Audit after each of the last ${runs.length} runs: clean.`
      : `Audit: NOT clean: ${unclean.map(({ side, audit }) => `${side}: ${audit.failed.join(', ')}`).join('; ')}.`,
    '',
  ];
}

const digits = (value: number) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));

function figureRow({ name, old, new: fresh, ratio }: Compared): string {
  const cells = ratio
    ? [`**${ratio.median.toFixed(2)}**`, ratio.least.toFixed(2), ratio.most.toFixed(2)]
    : ['', '', ''];
  return row([name, digits(old), digits(fresh), ...cells]);
}

function binaryLogs({ old, new: fresh }: LoadComparison['binlog']): string {
  const which = old && fresh ? 'both sides' : old ? 'the old side' : fresh ? 'the new side' : undefined;
  return which === undefined ? '' : `MySQL of ${which} with a binary log; `;
}

function describe({ cores, cpu, memoryGb, node, at }: Machine): string {
  return `${cores} cores (${cpu}), ${memoryGb} GB of memory, shared by generator, servers and services; Node ${node}, ${at}.`;
}

function method(): string[] {
  return [
    '## How it is measured',
    '',
    'Each side is a stack of its own, from empty data, that its own code starts, fills with the demo data and audits; the generator and the measuring are of the checkout that compares. The sides take turns (old, new, new, old, …), and all',
    'loads of one turn share one start. Old and new are the medians of all runs; the ratio is that of each pair: median, least and most.',
    '',
    '*Held*: an open loop, each waiting client with a connection of its own. The rate goes up by a quarter each time, in short steps, one second of each not counted, until one does not hold twice in a row; then the middle between',
    'that and the last that held is tried once. A failure while others used more than 15 % of the machine counts half. A rate holds when less than 1 % of the answers are not the right one (a refusal is not) and their p95, from when each was due, is below 200 ms; of orders, 95 % of what is offered must',
    'complete within the step and the last 3 s after it. A single ramp is no finer than an eighth; each pair begins at another part of a step, so that the median of the pairs is.',
    '',
    '*CPU of an order*: the processor time of every process of the stack, the generator apart, in a window at one rate that both sides hold, over the orders completed in it; eight seconds of the same load go before.',
    '*Memory* is read at the end of that window. *At rest* is the first thing that a side does after its demo data.',
  ];
}
