import { duration, table } from '../command.ts';
import type { AuditReport } from './run.ts';

/** The report in text, for an operator. */
export function renderAudit(report: AuditReport, invariant?: number): string {
  const findings = report.findings.filter((finding) => invariant === undefined || finding.invariant === invariant);
  const lines = findings.flatMap((finding) => [
    table([[MARKS[finding.state], String(finding.invariant).padStart(2), finding.name.padEnd(28), counts(finding)]]),
    ...(finding.failed > 0 ? [`         ${finding.title}`] : []),
    ...finding.examples.map(({ id, detail }) => `         ${id}: ${detail}`),
    ...finding.parkedExamples.map(({ id, detail }) => `         parked: ${id}: ${detail}`),
  ]);
  return [
    ...lines,
    ...report.notes.map((note) => `note: ${note}`),
    `${verdictOf(report)}; ${report.orders} orders and ${report.records} messages in ${duration(report.durationMs)}`,
  ].join('\n');
}

const MARKS: Readonly<Record<AuditReport['state'], string>> = {
  HOLDS: 'ok   ',
  BROKEN: 'FAULT',
  NOTHING_TO_CHECK: 'none ',
};

function verdictOf({ state, findings, notes }: AuditReport): string {
  const all = findings.length;
  if (state === 'BROKEN')
    return `${findings.filter((each) => each.failed > 0).length} of ${all} checks found something`;
  if (state === 'NOTHING_TO_CHECK') return 'NOTHING TO CHECK: there is no order and no message in what was asked for';
  const unchecked = findings.filter((each) => each.state === 'NOTHING_TO_CHECK').length;
  const seeNotes = notes.length > 0 ? ', as far as the notes say' : '';
  if (unchecked === 0) return `every invariant holds${seeNotes}`;
  return `what was checked holds${seeNotes}; ${unchecked} of ${all} checks had nothing to check`;
}

function counts({ checked, failed, parked, underway }: AuditReport['findings'][number]): string {
  return [
    `${checked} checked`,
    ...(failed > 0 ? [`${failed} WRONG`] : []),
    ...(parked > 0 ? [`${parked} behind dead letters`] : []),
    ...(underway > 0 ? [`${underway} under way`] : []),
  ].join(', ');
}
