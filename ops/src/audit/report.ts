import { duration, table } from '../command.ts';
import type { AuditReport } from './run.ts';

/** The report in text, for an operator. */
export function renderAudit(report: AuditReport, invariant?: number): string {
  const findings = report.findings.filter((finding) => invariant === undefined || finding.invariant === invariant);
  const lines = findings.flatMap((finding) => [
    table([
      [
        finding.failed === 0 ? 'ok   ' : 'FAULT',
        String(finding.invariant).padStart(2),
        finding.name.padEnd(28),
        counts(finding),
      ],
    ]),
    ...(finding.failed > 0 ? [`         ${finding.title}`] : []),
    ...finding.examples.map(({ id, detail }) => `         ${id}: ${detail}`),
    ...finding.parkedExamples.map(({ id, detail }) => `         parked: ${id}: ${detail}`),
  ]);
  const bad = report.findings.filter((finding) => finding.failed > 0).length;
  const verdict = bad === 0 ? 'every invariant holds' : `${bad} of ${report.findings.length} checks found something`;
  return [
    ...lines,
    ...report.notes.map((note) => `note: ${note}`),
    `${verdict}; ${report.orders} orders and ${report.records} messages in ${duration(report.durationMs)}`,
  ].join('\n');
}

function counts({ checked, failed, parked, underway }: AuditReport['findings'][number]): string {
  return [
    `${checked} checked`,
    ...(failed > 0 ? [`${failed} WRONG`] : []),
    ...(parked > 0 ? [`${parked} behind dead letters`] : []),
    ...(underway > 0 ? [`${underway} under way`] : []),
  ].join(', ');
}
