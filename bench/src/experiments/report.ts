import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Machine } from '../machine.ts';
import { type CpuUse, othersShare } from '../processes.ts';
import type { Experiment, Measured } from './experiment.ts';
import { percent } from './markdown.ts';
import { checkMarkers, fillMarkers } from './markers.ts';

const FOLDER = resolve(import.meta.dirname, '../../../docs/reports');

/** The command, machine and other load of a run. */
export interface Run {
  readonly command: string;
  readonly server: string;
  readonly machine: Machine;
  readonly cpu: CpuUse;
}

const sectionsOf = (experiment: Experiment): string[] => ['run', ...experiment.sections];
const documentOf = (experiment: Experiment): string => resolve(FOLDER, `${experiment.name}.md`);

/** Throws unless the report exists with a place for every section. Called before the measurement. */
export function checkReport(experiment: Experiment): void {
  checkMarkers(readFileSync(documentOf(experiment), 'utf8'), sectionsOf(experiment));
}

/** Writes the figures and puts the tables into the report. @returns its path */
export function keepReport(experiment: Experiment, run: Run, measured: Measured): string {
  const file = documentOf(experiment);
  const sections = { run: renderRun(experiment, run), ...measured.sections };
  const figures = { ...run, figures: measured.figures };
  writeFileSync(resolve(FOLDER, `${experiment.name}.json`), `${JSON.stringify(figures, null, 1)}\n`);
  writeFileSync(file, fillMarkers(readFileSync(file, 'utf8'), sections));
  return file;
}

function renderRun({ parts }: Experiment, { command, server, machine, cpu }: Run): string[] {
  const own = cpu.processes.map(({ name, cpuSeconds }) => `${name} ${cpuSeconds.toFixed(1)} s`).join(', ');
  const sharedBy = `the experiment and ${parts.map((part) => (part === 'mysql' ? server : 'Redis')).join(' and ')}`;
  return [
    `\`${command}\` on ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB of memory, shared by ${sharedBy}; ` +
      `load average before ${machine.loadBefore}; Node ${machine.node}, commit ${machine.commit}, ${machine.at}.`,
    `It took ${Math.round(cpu.wallSeconds)} s; CPU: ${own}; **others on the machine used ${percent(othersShare(cpu))} of it**.`,
  ];
}
