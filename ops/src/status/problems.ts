import { DATA_PLATFORM } from '../audit/groups.ts';
import { duration } from '../command.ts';
import { FILL, LEAD_ON } from '../lost-places.ts';
import type { Status } from './read.ts';

/** An older outbox row waits for more than its turn, ms. */
const OUTBOX_OLD_MS = 5_000;
const PENDING_OLD_MS = 15_000;

/** Problems an operator should look at, in words; the runbooks tell how to proceed. */
// One function: it is a list, an entry for each kind of problem.
export function whatIsWrong(status: Status): string[] {
  return [
    ...status.unreachable,
    ...(status.readOnly ? ['the database is read-only, nothing can be written: docs/runbooks/database-away.md'] : []),
    ...status.instances
      .filter((it) => !it.ready)
      .map((it) => `${it.service} at ${it.url} is ${it.live ? 'not ready' : 'away'}: ${it.detail}`),
    ...status.instances.filter(isSilent).map((it) => `${it.service} at ${it.url} ${SILENT}`),
    ...status.instances.flatMap((it) =>
      it.openBreakers.map(
        (name) => `${it.service} at ${it.url} has its breaker of ${name} open: docs/runbooks/breaker-open.md`,
      ),
    ),
    ...status.instances.flatMap((it) =>
      (it.messaging?.halted ?? []).map(
        (what) => `${it.service} at ${it.url} has halted, ${what}: docs/runbooks/consumer-halted.md`,
      ),
    ),
    ...status.instances.flatMap((it) =>
      (it.messaging?.refused ?? []).map(
        ({ topic, reason }) =>
          `the broker refuses events of ${it.service} for ${topic}: ${reason}: docs/runbooks/topic-refused.md`,
      ),
    ),
    ...status.instances.flatMap((it) =>
      (it.messaging?.lost ?? []).map(
        (group) => `group ${group} at ${it.url} has halted, its place in the log is gone: ${LEAD_ON}`,
      ),
    ),
    ...status.lostPlaces.map(({ group, place }) => `group ${group} cannot go on at ${place}: ${LEAD_ON}`),
    ...status.newLog.map((group) => `the topics of group ${group} hold less than it has applied: ${FILL}`),
    ...status.instances.flatMap((it) =>
      (it.messaging?.waiting ?? []).map(
        (group) =>
          `group ${group} at ${it.url} waits for something that is away${group === DATA_PLATFORM ? ': docs/runbooks/data-platform-away.md' : ''}`,
      ),
    ),
    ...status.instances.flatMap((it) =>
      (it.messaging?.restarting ?? []).map(
        (group) =>
          `group ${group} at ${it.url} ends and is started again, again and again: docs/runbooks/consumer-restarts.md`,
      ),
    ),
    ...status.instances
      .filter((it) => (it.messaging?.lostSchemas ?? []).length > 0)
      .map((it) => `${it.service} at ${it.url} ${lostSchemas(it.messaging?.lostSchemas ?? [])}`),
    ...status.outboxes
      .filter(
        (it) =>
          it.waiting > 0 && !status.instances.some((each) => each.service === it.service && each.messaging?.relaying),
      )
      .map((it) => `nobody relays the outbox of ${it.service}: docs/runbooks/outbox-backlog.md`),
    ...status.outboxes
      .filter((it) => it.oldestMs > OUTBOX_OLD_MS)
      .map(
        (it) =>
          `the outbox of ${it.service} has ${it.waiting} events, the oldest for ${duration(it.oldestMs)}: docs/runbooks/outbox-backlog.md`,
      ),
    ...status.deadLetters.map(
      (it) => `${it.group} has ${it.dead} dead letters and ${it.parked} parked: docs/runbooks/dead-letters.md`,
    ),
    ...status.oldestPending
      .filter((it) => it.ageMs > PENDING_OLD_MS)
      .map((it) => `order ${it.orderId} is PENDING for ${duration(it.ageMs)}: docs/runbooks/orders-near-deadline.md`),
  ];
}

/** Whether an instance says that it is ready, and nothing of its groups and its relay. */
export function isSilent({ ready, measured }: Pick<Status['instances'][number], 'ready' | 'measured'>): boolean {
  return ready && !measured;
}

export const SILENT =
  'is ready, but its /metrics does not answer (METRICS_HOST, METRICS_PORT; for tools SHOP_METRICS_PORT): whether something of it has halted is not known';

/** What an instance does whose schema ids the registry has lost. */
export function lostSchemas(types: readonly string[]): string {
  return `writes ${types.join(', ')} with schema ids that the registry no longer knows: docs/runbooks/registry-rebuilt.md`;
}
