import type { Group } from '../../../services/groups.ts';
import { LEAD_ON } from '../lost-places.ts';
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

function typeOf(error: Error): string {
  const cause = 'type' in error ? error : error.cause;
  return cause instanceof Error && 'type' in cause ? String(cause.type) : '';
}

/** What has halted or restarts for ever, and what broker and registry refuse, at one instance. */
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
