import type { ServiceName } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { signedCalls } from '../signed-call.ts';

/**
 * Asks a service to reconcile its own part: only the service contains the comparison. The route is internal; the
 * gateway does not expose it. The first instance that answers does it. @throws in words when none does
 */
export async function reconcileIn<Result>(
  addresses: Addresses,
  service: ServiceName,
  execute: boolean,
): Promise<Result> {
  const path = `/internal/reconcile?execute=${execute}`;
  const signed = signedCalls(addresses.internalKeys);
  const failures: string[] = [];
  for (const url of addresses.services[service].urls) {
    try {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: signed('POST', path),
        signal: AbortSignal.timeout(120_000),
      });
      if (answer.ok) return (await answer.json()) as Result;
      failures.push(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
    } catch (error) {
      failures.push(`${url} cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`no instance of ${service} reconciled: ${failures.join('; ')}`);
}
