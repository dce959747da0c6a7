import { type Addresses, readAddresses } from '../../ops/src/addresses.ts';
import { openAudit } from '../../ops/src/audit/index.ts';
import type { Output } from '../../ops/src/command.ts';
import { loadDemo } from '../../ops/src/demo/load.ts';
import { startTarget, stopTarget } from './stack.ts';

/** The running shop at the terminal's addresses. @throws in words when there is none */
export async function runningStack(): Promise<Addresses> {
  const addresses = readAddresses();
  const answer = await fetch(`${addresses.gateway}/health/ready`).catch(() => undefined);
  if (!answer?.ok)
    throw new Error(`no shop runs at ${addresses.gateway}: npm start starts one, --fresh takes one of its own`);
  return addresses;
}

/** Runs `work` on a new stack with the demo data, which is stopped afterwards. `auth`: its gateway requires tokens. */
export async function onFreshStack<T>(
  output: Output,
  { instances, auth = false }: { readonly instances: number; readonly auth?: boolean },
  work: (addresses: Addresses, stack: string) => Promise<T>,
): Promise<T> {
  const ended = (): void => void stopTarget().finally(() => process.exit(130));
  process.once('SIGINT', ended).once('SIGTERM', ended);
  const target = await startTarget(instances, output.say, { auth });
  try {
    const { durationMs } = await loadDemo({ addresses: target.addresses, onProgress: output.say });
    output.say(`demo data in ${(durationMs / 1_000).toFixed(1)} s`);
    return await work(target.addresses, target.stack);
  } finally {
    process.off('SIGINT', ended).off('SIGTERM', ended);
    await target.close();
  }
}

/** Audits all invariants once the system is idle. */
export async function auditOf(addresses: Addresses) {
  const session = await openAudit(addresses);
  try {
    await session.waitUntilIdle({ timeoutMs: 120_000 });
    return await session.audit({ graceMs: 2_000 });
  } finally {
    await session.close();
  }
}
