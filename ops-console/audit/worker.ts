/** The thread of one audit: it audits as told, answers with a verdict, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { openAudit } from '../../ops/src/audit/session.ts';
import type { AuditWork } from './run-audit.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** Pause before the second look on an idle system, ms: enough for changes that came meanwhile. */
const GRACE_AT_REST_MS = 1_000;
const GRACE_MS = 5_000;
/** Longest statement, ms. Sums over whole tables grow with the shop. */
const STATEMENT_MS = 120_000;

const { addresses, task, deadlineMs } = workerData as AuditWork;
const session = await openAudit(addresses);
try {
  // The server gives up by itself: it would go on with a statement after the console has broken the audit off.
  await session.sql.execute(`SET SESSION max_execution_time = ${STATEMENT_MS}`);
  const unrest = await restlessness();
  const report = await session.audit({
    ...{ since: task.since, deadlineMs },
    graceMs: task.restMs > 0 && !unrest ? GRACE_AT_REST_MS : GRACE_MS,
  });
  const verdict = verdictOf(report);
  parentPort?.postMessage({ ...verdict, notes: [...verdict.notes, ...(unrest ? [unrest] : [])] } satisfies Verdict);
} finally {
  await session.close();
}

/** Waits for an idle system, if asked to. @returns the remaining activity after the time limit */
async function restlessness(): Promise<string | undefined> {
  if (task.restMs === 0) return undefined;
  return await session.waitUntilIdle({ timeoutMs: task.restMs }).then(
    () => undefined,
    (error: Error) => error.message,
  );
}
