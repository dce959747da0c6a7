import { uuidIn } from '@shop/chassis';
import { EVENTS, type EventType } from '@shop/events';
import type { Group } from '../../../services/groups.ts';
import { GROUPS, topicsOf } from '../audit/groups.ts';
import { refuseBeyondInbox } from './inbox-age.ts';
import { WishError } from './wish-error.ts';

/** The parts of a replay request. */
export interface ReplayWish {
  readonly group: Group;
  readonly topics: readonly string[];
  readonly types: readonly EventType[] | null;
  readonly key: string | null;
  readonly from: Date;
  /** Undefined: until now. */
  readonly to: Date | undefined;
}

export interface WishOptions {
  readonly group?: string;
  readonly topic?: string;
  readonly type?: string;
  readonly key?: string;
  readonly from?: Date;
  readonly to?: Date;
}

/** @throws WishError when there is no group of that name */
export function groupNamed(name: string | undefined): Group {
  const group = GROUPS.find((each) => each.group === name);
  const names = GROUPS.map((each) => each.group).join(', ');
  if (!group) throw new WishError(`There is no consumer group ${name}. There are: ${names}.`);
  return group;
}

/** @throws WishError for unknown types and for times that are inconsistent or too far back */
export function readWish(options: WishOptions, now = new Date()): ReplayWish {
  const group = groupNamed(options.group);
  const { topic, type, from, to } = options;
  // An order id is the same in capital letters; any other key is what it is.
  const key = options.key === undefined ? null : (uuidIn(options.key) ?? options.key);
  if (!from) throw new WishError('From when? Give --from a time (2026-01-31T09:00:00Z) or an age (2h).');
  if (from >= now) throw new WishError(`--from ${from.toISOString()} is in the future.`);
  if (to && to <= from) throw new WishError(`--to ${to.toISOString()} is not after --from ${from.toISOString()}.`);

  const heard = topicsOf(group);
  if (topic && !heard.includes(topic))
    throw new WishError(`${group.group} does not hear the topic ${topic}. It hears: ${heard.join(', ')}.`);
  const handled = group.handles.filter((each) => topic === undefined || EVENTS[each].topic === topic);
  const types = type === undefined ? null : handled.filter((each) => each === type);
  if (types?.length === 0)
    throw new WishError(`${group.group} does not handle ${type}${topic ? ` on ${topic}` : ''}: ${handled.join(', ')}.`);
  const topics = types ? types.map((each) => EVENTS[each].topic) : topic ? [topic] : heard;
  refuseBeyondInbox(from, now);
  return { group, topics, types, key, from, to };
}

/** @throws WishError for a group that cannot be rebuilt, and for options that would leave events out */
export function checkRebuild(
  options: WishOptions & { readonly force?: boolean; readonly execute?: boolean; readonly reason?: string },
): void {
  if (options.group !== 'ranking')
    throw new WishError(`Only ranking can be rebuilt: it is nothing but a sum. ${options.group} decides.`);
  for (const name of ['topic', 'type', 'key', 'from', 'to', 'force'] as const)
    if (options[name] !== undefined) throw new WishError(`--rebuild counts everything anew: --${name} makes no sense.`);
  checkReason(options);
}

/** @throws WishError for --execute without a reason */
export function checkReason({ execute, reason }: { readonly execute?: boolean; readonly reason?: string }): void {
  if (execute && !reason) throw new WishError('--execute wants a --reason: it is kept in the history.');
}
