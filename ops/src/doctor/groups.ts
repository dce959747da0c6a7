import type { KafkaAdmin } from '@shop/events';
import type { Group } from '../../../services/groups.ts';
import { DATA_PLATFORM } from '../audit/groups.ts';
import { FILL, groupsOfNewLog, LEAD_ON } from '../lost-places.ts';
import type { SqlReader } from '../sql.ts';
import { lostSchemas } from '../status/problems.ts';
import type { InstanceStatus } from '../status/read.ts';
import type { Diagnosis } from './diagnosis.ts';

type Finding = Omit<Diagnosis, 'what'>;

const HALTED = 'docs/runbooks/consumer-halted.md';

/**
 * What is wrong with a consumer group.
 * @param members those who have joined it
 * @param lost its places that the log no longer holds, in words
 */
export function groupState(
  { service, optional }: Pick<Group, 'service' | 'optional'>,
  members: readonly string[],
  lost: readonly string[],
): Finding {
  if (lost.length > 0)
    return { wrong: `the log no longer holds its place, it halts: ${lost.join('; ')}`, mend: LEAD_ON };
  if (members.length === 0) {
    const mend = `start ${service}${optional ? ', with DATA_PLATFORM_URL' : ''}`;
    return { wrong: 'nobody has joined it: its messages wait', mend };
  }
  return { detail: members.join(', ') };
}

/** Why a group could not be read. */
export function groupFailure(error: unknown): Finding {
  const words = error instanceof Error ? error.message : String(error);
  const isForbidden =
    error instanceof Error && /AUTHORIZATION_FAILED|not authorized/i.test(`${words} ${typeOf(error)}`);
  return isForbidden
    ? {
        wrong: `a right is missing: ${words}`,
        mend: 'kafka-acls.sh --add --allow-principal User:… --operation Read --operation Describe --group …, and Read on its topics',
      }
    : { wrong: words, mend: 'is the broker well? Its log says more' };
}

/** The groups whose topics were made anew, and those of which that cannot be told. */
export async function newLogFaults(
  log: Pick<KafkaAdmin, 'ranges' | 'topics'>,
  sql: SqlReader,
  now: number,
): Promise<Diagnosis[]> {
  const { found, unknown } = await groupsOfNewLog(log, sql, now);
  return [
    ...found.map(({ group }) => ({
      what: `log of ${group}`,
      wrong: 'its topics hold less than the group has applied: they were made anew',
      mend: FILL,
    })),
    ...unknown.map(({ group: { group }, error }) => ({
      what: `log of ${group}`,
      wrong: `whether its topics were made anew could not be looked at: ${error}`,
      mend: 'are database and broker well? Then npm run ops -- republish --log tells',
    })),
  ];
}

function typeOf(error: Error): string {
  const cause = 'type' in error ? error : error.cause;
  return cause instanceof Error && 'type' in cause ? String(cause.type) : '';
}

/** An instance's groups that have halted, wait or restart for ever, and what broker and registry refuse. */
export function messagingFaults({ service, url, messaging }: InstanceStatus): Diagnosis[] {
  if (!messaging) return [];
  return [
    ...messaging.halted.map((what) => ({
      what: `group at ${url}`,
      wrong: `${service} has halted, ${what}`,
      mend: HALTED,
    })),
    ...messaging.lost.map((group) => ({
      what: `group ${group} at ${url}`,
      wrong: 'it has halted: the log no longer holds its place',
      mend: LEAD_ON,
    })),
    ...messaging.refused.map(({ topic, reason }) => ({
      what: `outbox of ${service}`,
      wrong: `the broker refuses ${topic}: ${reason}`,
      mend: 'docs/runbooks/topic-refused.md',
    })),
    ...messaging.waiting.map((group) => ({
      what: `group ${group} at ${url}`,
      wrong: 'it waits for something that is away',
      mend: group === DATA_PLATFORM ? 'docs/runbooks/data-platform-away.md' : 'the log of its service says for what',
    })),
    ...messaging.restarting.map((group) => ({
      what: `group at ${url}`,
      wrong: `the client of ${group} ends and is started again, again and again`,
      mend: 'its log says why (`consumer ends again and again`): docs/runbooks/consumer-restarts.md',
    })),
    ...(messaging.lostSchemas.length === 0
      ? []
      : [
          {
            what: `${service} at ${url}`,
            wrong: lostSchemas(messaging.lostSchemas),
            mend: 'restore the registry; do not restart services before it',
          },
        ]),
  ];
}
