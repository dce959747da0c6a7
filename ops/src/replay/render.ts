import { duration, table } from '../command.ts';
import type { ReplayPlan } from './plan.ts';
import type { RecoveryPlan } from './recovery.ts';
import type { Replay } from './requests.ts';

export function renderPlan(plan: ReplayPlan, perSecond: number): string {
  const { group, types, messages, fresh, setAside, beyond } = plan;
  const passed = beyond > 0 ? [`${beyond} records lie before the group itself: it gets them anyway.`] : [];
  if (messages === 0) return [`nothing to replay to ${group}: no such events`, ...passed].join('\n');
  const head = ['topic', 'type', 'total', 'by partition'];
  const before = messages - fresh - setAside;
  return [
    table([head, ...types.map((it) => [it.topic, it.type, it.total, it.partitions.join(' ')])]),
    `${messages} messages to ${group}: ${fresh} new to its inbox, ${before} applied before (they are dropped), ${setAside} in its dead letters (left to those).`,
    `At ${perSecond} a second: ${duration(plan.expectedMs)}.`,
    ...passed,
  ].join('\n');
}

export function renderReplays(replays: readonly Replay[]): string {
  const head = ['id', 'kind', 'group', 'status', 'at', 'by', 'applied', 'before', 'parked', 'dead', 'reason'];
  return table([
    head,
    ...replays.map((it) => [
      it.ref,
      it.kind,
      it.group,
      it.status,
      it.requestedAt.toISOString(),
      it.requestedBy,
      it.kind === 'RECOVERY' ? `${it.applied} (${it.facts} own)` : String(it.applied),
      it.duplicate,
      it.parked,
      it.dead,
      it.error ? `${it.reason}: ${it.error}` : it.reason,
    ]),
  ]);
}

export function renderRecovery({ service, own, consumed }: RecoveryPlan): string {
  return [
    `A start of ${service} with RECOVERY=on would find:`,
    table([
      ['its own events', 'events', 'newer than its inbox'],
      ...own.map((it) => [it.type, it.events, it.unknownCauses]),
    ]),
    table([['what it hears', 'events', 'to be decided'], ...consumed.map((it) => [it.type, it.events, it.open])]),
  ].join('\n');
}
