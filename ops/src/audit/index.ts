export type { Finding, Suspect } from './check.ts';
export { type Activity, describeActivity, type IdleOptions, readActivity, waitUntilIdle } from './idle.ts';
export { renderAudit } from './report.ts';
export { type AuditOptions, type AuditReport, runAudit } from './run.ts';
export { type AuditSession, openAudit } from './session.ts';
