import { setTimeout as sleep } from 'node:timers/promises';
import { offsetOf } from '@shop/chassis';
import type { KafkaAdmin } from '@shop/events';
import { SERVICE_NAMES } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import { connectSql, LOOK_MS } from '../sql.ts';
import type { InstanceStatus } from '../status/read.ts';
import { withClosing } from '../with-closing.ts';
import type { Diagnosis } from './diagnosis.ts';

/** Clocks that differ by less are in step, ms: what a coupon's end allows for between two databases. */
const ALLOWED_MS = 1_000;
/** The `Date` header tells whole seconds, ms. */
const HEADER_ERROR_MS = 1_000;
const MEND = 'set that machine’s clock (NTP): docs/runbooks/clock-wrong.md';

/**
 * Whose clock is wrong: this machine's, a database server's, a service's. The measure is the server of the audit user,
 * on which the shop's times rest. Without it nothing is told: its own diagnosis says that it is away.
 */
export async function examineClocks(addresses: Addresses, instances: readonly InstanceStatus[]): Promise<Diagnosis[]> {
  const offsetMs = await offsetTo(addresses.auditDatabase).catch(() => undefined);
  if (offsetMs === undefined) return [];
  const own = judge(
    'clock of this machine',
    -offsetMs,
    'services correct theirs; times given to ops are taken as told',
  );
  const databases = SERVICE_NAMES.map(async (service) => {
    const ofService = await offsetTo(addresses.services[service].database).catch(() => undefined);
    return ofService === undefined ? [] : [judge(`clock of ${service}'s database`, ofService - offsetMs)];
  });
  const services = instances.map(async ({ service, url, clockSkewMs }) => {
    const what = `clock of ${service} at ${url}`;
    if (clockSkewMs !== undefined) return [judge(what, clockSkewMs, 'its times are corrected meanwhile')];
    const skewMs = await headerSkew(url, offsetMs).catch(() => undefined);
    return skewMs === undefined ? [] : [judge(what, skewMs, 'beyond 60 s its requests are 401', HEADER_ERROR_MS)];
  });
  return [own, ...(await Promise.all([...databases, ...services])).flat()];
}

/** Records that seem to come from the future: their publisher's clock, or what corrects it, was wrong. */
export async function examineTimestamps(admin: KafkaAdmin, addresses: Addresses): Promise<Diagnosis[]> {
  const offsetMs = await offsetTo(addresses.auditDatabase).catch(() => undefined);
  if (offsetMs === undefined) return [];
  const what = 'timestamps of records';
  const future = new Date(Date.now() + offsetMs + ALLOWED_MS);
  // A topic that is gone, or that we have no right to, has a diagnosis of its own.
  const each = await Promise.all(RUNNING_TOPICS.map((topic) => admin.ranges([topic], future).catch(() => [])));
  const ahead = each.flat();
  const wrong = ahead.filter(({ from, to }) => to > from);
  if (wrong.length === 0) return [{ what, detail: 'none from the future' }];
  const where = wrong.map(({ topic, partition, from, to }) => `${topic}/${partition} ${from} to ${to - 1n}`).join(', ');
  return [{ what, wrong: `records from the future: ${where}`, mend: MEND }];
}

export function judge(what: string, skewMs: number, meanwhile = '', errorMs = 0): Diagnosis {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  if (Math.abs(skewMs) <= ALLOWED_MS + errorMs) return { what, detail: `in step: ${seconds} s` };
  const wrong = `${seconds} s ${skewMs < 0 ? 'slow' : 'fast'}, compared with the database's`;
  return { what, wrong: meanwhile ? `${wrong}; ${meanwhile}` : wrong, mend: MEND };
}

/** How far the server's clock is ahead of this machine's, ms: the best of three looks. */
async function offsetTo(url: string): Promise<number> {
  return await withClosing(
    () => connectSql(url, LOOK_MS),
    async (sql) => {
      const looks = [];
      for (let n = 0; n < 3; n++) {
        const sentAt = Date.now();
        const [row] = await sql.query<{ at: Date }>('SELECT UTC_TIMESTAMP(3) AS at');
        looks.push(offsetOf({ sentAt, receivedAt: Date.now(), theirs: row?.at.getTime() ?? Number.NaN }));
        await sleep(10);
      }
      return looks.reduce((best, look) => (look.errorMs < best.errorMs ? look : best)).offsetMs;
    },
  );
}

/** The wall clock of a process that has no database, less the database's, ms; to within a second. */
async function headerSkew(url: string, offsetMs: number): Promise<number | undefined> {
  const answer = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2_000) });
  const told = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(told) ? undefined : told + HEADER_ERROR_MS / 2 - (Date.now() + offsetMs);
}
