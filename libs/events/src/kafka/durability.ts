import type { TopicPlan } from '../topic-plan.ts';

/** Why the loss of one broker may lose acknowledged events of a topic, each reason in words. Empty: it may not. */
export function durabilityFaults(
  { replicas, settings }: { readonly replicas: number; readonly settings: ReadonlyMap<string, string> },
  plan: TopicPlan,
): {
  readonly setting: 'replicas' | 'min.insync.replicas' | 'unclean.leader.election.enable';
  readonly wrong: string;
}[] {
  if (plan.replicas === undefined) return [];
  const found: ReturnType<typeof durabilityFaults> = [];
  const least = Number(settings.get('min.insync.replicas') ?? 1);
  if (replicas < plan.replicas)
    found.push({
      setting: 'replicas',
      wrong: `it has ${replicas} replicas, and must have ${plan.replicas} (KAFKA_REPLICATION_FACTOR)`,
    });
  if (least < plan.minInSync)
    found.push({
      setting: 'min.insync.replicas',
      wrong: `min.insync.replicas is ${least}, and must be ${plan.minInSync} (KAFKA_MIN_INSYNC_REPLICAS): an event that fewer brokers have counts as sent`,
    });
  if (settings.get('unclean.leader.election.enable') === 'true')
    found.push({
      setting: 'unclean.leader.election.enable',
      wrong: 'unclean.leader.election.enable is true: a broker that lacks acknowledged events may become leader',
    });
  return found;
}
