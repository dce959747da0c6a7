import type { TopicPlan } from '../topic-plan.ts';

/** What decides whether a topic survives the loss of a broker. Settings that cannot be read count as right. */
interface DurabilityState {
  readonly replicas: number;
  readonly settings: ReadonlyMap<string, string>;
  readonly settingsUnreadable?: string;
}

/**
 * Why the loss of one broker may lose acknowledged events of a topic or stop it, each reason in words. Empty: it may
 * not.
 */
export function durabilityFaults(
  { replicas, settings, settingsUnreadable }: DurabilityState,
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
  if (settingsUnreadable !== undefined) return found;
  if (least < plan.minInSync)
    found.push({
      setting: 'min.insync.replicas',
      wrong: `min.insync.replicas is ${least}, and must be ${plan.minInSync} (KAFKA_MIN_INSYNC_REPLICAS): an event that fewer brokers have counts as sent`,
    });
  // Where replicas are missing, more of them mend this too.
  else if (least >= replicas && replicas >= plan.replicas)
    found.push({
      setting: 'min.insync.replicas',
      wrong: `min.insync.replicas is ${least} with ${replicas} replicas, and must be ${plan.minInSync} (KAFKA_MIN_INSYNC_REPLICAS): it takes nothing while one broker is away`,
    });
  if (settings.get('unclean.leader.election.enable') === 'true')
    found.push({
      setting: 'unclean.leader.election.enable',
      wrong: 'unclean.leader.election.enable is true: a broker that lacks acknowledged events may become leader',
    });
  return found;
}
