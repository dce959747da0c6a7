import type { DescribedGroup, EventType, Headers } from '@shop/events';
import { GROUPS_OF } from './groups.generated.ts';
import { isExample, type ServiceName } from './services.ts';

/** A consumer group, the service whose inbox it fills, and the types it handles. */
export interface Group extends Omit<DescribedGroup, 'subscription'> {
  readonly group: string;
  readonly service: ServiceName;
  readonly handles: readonly EventType[];
  /** Which of these the group wants, by headers; absent: all. */
  readonly wants?: (headers: Headers) => boolean;
  /** False for a group whose dead letters stand alone; absent: later messages of a key wait behind its dead letter. */
  readonly parks?: boolean;
}

const ALL = (Object.keys(GROUPS_OF) as (keyof typeof GROUPS_OF)[]).flatMap((service) =>
  GROUPS_OF[service].map((described) => read(service, described)),
);

/**
 * Every consumer group, from the services' own subscriptions; for the audit, the operators' commands and the documents.
 * Groups that every shop runs come first, those of examples last.
 */
export const ALL_GROUPS: readonly Group[] = ALL.toSorted((a, b) => rank(a) - rank(b));

function rank({ service, optional }: Group): number {
  if (isExample(service)) return 2;
  return optional ? 1 : 0;
}

function read(service: ServiceName, { subscription, ...described }: DescribedGroup): Group {
  // Only the subscription's description is read: no handler is called.
  const { group, handles, wants, parks } = subscription({} as never);
  return { group, service, handles, ...described, ...(wants && { wants }), ...(parks !== undefined && { parks }) };
}
