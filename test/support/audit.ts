import { readAddresses } from '../../ops/src/addresses.ts';
import { type AuditReport, openAudit, renderAudit } from '../../ops/src/audit/index.ts';
import type { System } from './system.ts';

export interface AuditedOptions {
  /** Longest time for the shop to become idle, ms. Default 60,000. */
  readonly withinMs?: number;
  /** Number of orders that stay PENDING behind a dead letter. Default 0. */
  readonly pendingAllowed?: number;
}

/** Waits until the shop is idle, then checks every invariant across schemas and topics. Fails with the report. */
export async function expectCleanAudit(
  system: Pick<System, 'stack'>,
  { withinMs = 60_000, pendingAllowed = 0 }: AuditedOptions = {},
): Promise<AuditReport> {
  const session = await openAudit(readAddresses(system.stack.env));
  try {
    await session.waitUntilIdle({ timeoutMs: withinMs, pendingAllowed });
    const report = await session.audit({ graceMs: 0 });
    if (!report.ok) throw new Error(`the audit found something:\n${renderAudit(report)}`);
    return report;
  } finally {
    await session.close();
  }
}

/** Waits until the shop is idle. */
export async function untilIdle(system: Pick<System, 'stack'>, { withinMs = 60_000, pendingAllowed = 0 } = {}) {
  const session = await openAudit(readAddresses(system.stack.env));
  try {
    await session.waitUntilIdle({ timeoutMs: withinMs, pendingAllowed });
  } finally {
    await session.close();
  }
}

/** Ends a test file: the audit must be clean, and the system stops whatever the audit says. */
export async function stopAudited(system: System | undefined): Promise<void> {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await system?.stop();
  }
}
