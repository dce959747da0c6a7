import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from '../addresses.ts';
import { isSilent, SILENT } from '../status/problems.ts';
import { readInstances } from '../status/read.ts';
import type { Finding, Suspect } from './check.ts';
import { finding } from './findings.ts';

/** What the instances say of themselves. */
export interface Standing {
  /** Groups and partitions that have halted; their messages are not on their way. */
  readonly halted: readonly Suspect[];
  /** Instances that did not answer, by URL. */
  readonly away: readonly string[];
  /** Instances that answer, but not with their measures: what has halted there is not known. */
  readonly silent: readonly Suspect[];
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
    away: instances.filter(({ measured, ready }) => !measured && !ready).map(({ url }) => url),
    silent: instances.filter(isSilent).map(({ service, url }) => ({ id: url, detail: `${service} ${SILENT}` })),
  };
}

const HALTED = { invariant: 9, name: 'nothing-has-halted', title: 'no partition and no group has halted' };
const SILENT_ONES = {
  invariant: 9,
  name: 'instances-tell-what-has-halted',
  title: 'each instance that is ready tells what has halted',
};

/**
 * Part of invariant 9: nothing stands. Offsets and inboxes cannot tell a halted partition from one whose messages are
 * on their way, so the instances are asked. Only what has halted at both looks is a fault. While an instance is away,
 * that nothing was found proves nothing: then the check was not made.
 */
export async function standingFindings(
  read: (() => Promise<Standing>) | undefined,
  { groups, graceMs }: { readonly groups: number; readonly graceMs: number },
): Promise<{ findings: Finding[]; notes: string[]; notMade: string[] }> {
  if (!read) return { findings: [], notes: [], notMade: [] };
  let { halted, silent, away } = await read();
  if (halted.length + silent.length > 0 && graceMs > 0) {
    await sleep(graceMs);
    const before = new Set([...halted, ...silent].map(({ id }) => id));
    const again = await read();
    halted = again.halted.filter(({ id }) => before.has(id));
    silent = again.silent.filter(({ id }) => before.has(id));
    away = again.away;
  }
  const all = [
    finding(HALTED, { checked: groups, suspects: halted }),
    finding(SILENT_ONES, { checked: groups, suspects: silent }),
  ];
  const isMade = ({ failed }: Finding) => failed > 0 || away.length === 0;
  return {
    findings: all.filter(isMade),
    notMade: all.filter((each) => !isMade(each)).map(({ name }) => name),
    notes: away.map((url) => `${url} does not answer: whether something of it has halted is not known`),
  };
}
