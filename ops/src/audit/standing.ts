import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from '../addresses.ts';
import { readInstances } from '../status/read.ts';
import type { Finding, Suspect } from './check.ts';
import { finding } from './findings.ts';

/** What the instances say of themselves. */
export interface Standing {
  /** Groups and partitions that have halted; their messages are not on their way. */
  readonly halted: readonly Suspect[];
  /** Instances that did not answer, by URL. */
  readonly silent: readonly string[];
}

/** Asks the instances of the services what has halted. */
export async function readStanding({ services }: Pick<Addresses, 'services'>): Promise<Standing> {
  const instances = await readInstances({ gateways: [], services });
  return {
    halted: instances.flatMap(({ service, url, messaging }) =>
      [
        ...(messaging?.halted ?? []),
        ...(messaging?.lost ?? []).map((group) => `${group}: its place in the log is gone`),
      ].map((what) => ({
        id: what,
        detail: `${service} at ${url} has halted: what waits there is not on its way (docs/runbooks/consumer-halted.md)`,
      })),
    ),
    silent: instances.filter(({ messaging }) => messaging === undefined).map(({ url }) => url),
  };
}

/**
 * Part of invariant 9: nothing stands. Offsets and inboxes cannot tell a halted partition from one whose messages are
 * on their way, so the instances are asked. Only what has halted at both looks is a fault.
 */
export async function standingFindings(
  read: (() => Promise<Standing>) | undefined,
  { groups, graceMs }: { readonly groups: number; readonly graceMs: number },
): Promise<{ findings: Finding[]; notes: string[] }> {
  if (!read) return { findings: [], notes: [] };
  let { halted, silent } = await read();
  if (halted.length > 0 && graceMs > 0) {
    await sleep(graceMs);
    const before = new Set(halted.map(({ id }) => id));
    const again = await read();
    halted = again.halted.filter(({ id }) => before.has(id));
    silent = again.silent;
  }
  const check = { invariant: 9, name: 'nothing-has-halted', title: 'no partition and no group has halted' };
  return {
    findings: [finding(check, { checked: groups, suspects: halted }, new Set())],
    notes: silent.map((url) => `${url} does not answer: whether something of it has halted is not known`),
  };
}
