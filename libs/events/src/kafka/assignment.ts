/** A member of a group, as it asks for partitions. */
export interface AssignedMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** The partitions that it had until now, by topic; empty for a new member. */
  readonly owned: Assignment;
}

/** Partitions by topic, ascending. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** One partition number over all topics of the same subscribers: what one member gets as a whole. */
interface Bundle {
  readonly partition: number;
  readonly topics: readonly string[];
}

/** Bundles of the same topics, which may go to the same members. */
interface Level {
  readonly topics: readonly string[];
  readonly subscribers: readonly string[];
  readonly bundles: Bundle[];
}

interface Deal {
  readonly owned: Map<string, Map<string, number[]>>;
  /** Bundles given so far, by member. */
  readonly load: Map<string, number>;
  /** `topic/partition` → the member that had it. */
  readonly former: ReadonlyMap<string, string>;
}

/**
 * Gives partition p of every topic to the same member, so that one member handles all that a key has in the group's
 * topics. Members whose subscriptions are equal differ by one partition number at most, and as few as possible change
 * their member. While subscriptions differ (a release that hears one more topic is being rolled out), topics with the
 * same subscribers stay together, and no member gets a topic that it has not asked for.
 *
 * The result depends on nothing but the arguments, and not on their order.
 * @param partitions each topic's partition numbers; a topic that is missing has none
 */
export function assignPartitions(
  members: readonly AssignedMember[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Map<string, Assignment> {
  const sorted = members.toSorted((one, other) => compare(one.id, other.id));
  const deal: Deal = {
    owned: new Map(sorted.map((member) => [member.id, new Map()])),
    load: new Map(sorted.map((member) => [member.id, 0])),
    former: formerOwners(sorted),
  };
  for (const level of levels(sorted, partitions)) dealLevel(level, deal);
  return new Map([...deal.owned].map(([id, topics]) => [id, inOrder(topics)]));
}

/** A partition that two members claim was the first one's; a wrong guess moves it once, and does no other harm. */
function formerOwners(members: readonly AssignedMember[]): Map<string, string> {
  const former = new Map<string, string>();
  for (const { id, owned } of members) {
    for (const [topic, numbers] of Object.entries(owned)) {
      for (const partition of numbers) {
        const name = `${topic}/${partition}`;
        if (!former.has(name)) former.set(name, id);
      }
    }
  }
  return former;
}

/** The levels with most subscribers come first: whoever has fewer choices later is then evened out with the rest. */
function levels(members: readonly AssignedMember[], partitions: ReadonlyMap<string, readonly number[]>): Level[] {
  const topics = [...new Set(members.flatMap((member) => member.topics))].toSorted(compare);
  const subscribersOf = new Map(
    topics.map((topic) => [topic, members.filter((it) => it.topics.includes(topic)).map((it) => it.id)]),
  );
  const found = new Map<string, Level>();
  for (const bundle of bundlesOf(topics, subscribersOf, partitions)) {
    const key = bundle.topics.join(' ');
    const level = found.get(key) ?? {
      topics: bundle.topics,
      subscribers: subscribersOf.get(bundle.topics[0] ?? '') ?? [],
      bundles: [],
    };
    found.set(key, level);
    level.bundles.push(bundle);
  }
  return [...found.values()].toSorted(
    (one, other) =>
      other.subscribers.length - one.subscribers.length ||
      other.topics.length - one.topics.length ||
      compare(one.topics.join(' '), other.topics.join(' ')),
  );
}

function bundlesOf(
  topics: readonly string[],
  subscribersOf: ReadonlyMap<string, readonly string[]>,
  partitions: ReadonlyMap<string, readonly number[]>,
): Bundle[] {
  const bySubscribers = Map.groupBy(topics, (topic) => (subscribersOf.get(topic) ?? []).join(' '));
  return [...bySubscribers.values()].flatMap((together) => {
    const numbers = new Set(together.flatMap((topic) => partitions.get(topic) ?? []));
    return [...numbers]
      .toSorted((one, other) => one - other)
      .map((partition) => ({
        partition,
        topics: together.filter((topic) => partitions.get(topic)?.includes(partition)),
      }));
  });
}

/** Each subscriber keeps what it had up to its share; the rest goes to those that are below theirs. */
function dealLevel({ bundles, subscribers }: Level, deal: Deal): void {
  const formerOf = (bundle: Bundle) => formerOwner(bundle, deal, subscribers);
  const kept = Map.groupBy(bundles, formerOf);
  const quotas = quotasOf(bundles.length, subscribers, deal, (id) => kept.get(id)?.length ?? 0);
  const left: Bundle[] = [];
  for (const bundle of bundles) {
    const id = formerOf(bundle);
    if (id !== undefined && (quotas.get(id) ?? 0) > 0) give(bundle, id, deal, quotas);
    else left.push(bundle);
  }
  for (const bundle of left) {
    const id = subscribers.reduce((one, other) => ((quotas.get(other) ?? 0) > (quotas.get(one) ?? 0) ? other : one));
    give(bundle, id, deal, quotas);
  }
}

/** The same number for each; what does not divide goes to the least loaded, and among these to who had most. */
function quotasOf(
  count: number,
  subscribers: readonly string[],
  { load }: Deal,
  had: (id: string) => number,
): Map<string, number> {
  const each = Math.floor(count / subscribers.length);
  const extra = subscribers
    .toSorted((one, other) => (load.get(one) ?? 0) - (load.get(other) ?? 0) || had(other) - had(one))
    .slice(0, count % subscribers.length);
  return new Map(subscribers.map((id) => [id, each + (extra.includes(id) ? 1 : 0)]));
}

/** Who had the bundle, or else the same partition number of any other topic: an order's topics come together again. */
function formerOwner(
  { partition, topics }: Bundle,
  { former, owned }: Deal,
  subscribers: readonly string[],
): string | undefined {
  const claims = topics.map((topic) => former.get(`${topic}/${partition}`));
  const claimed = claims.find((id) => id !== undefined && subscribers.includes(id));
  if (claimed !== undefined) return claimed;
  return subscribers.find((id) => [...(owned.get(id)?.values() ?? [])].some((numbers) => numbers.includes(partition)));
}

function give({ partition, topics }: Bundle, id: string, { owned, load }: Deal, quotas: Map<string, number>): void {
  const mine = owned.get(id) ?? new Map<string, number[]>();
  for (const topic of topics) mine.set(topic, [...(mine.get(topic) ?? []), partition]);
  owned.set(id, mine);
  load.set(id, (load.get(id) ?? 0) + 1);
  quotas.set(id, (quotas.get(id) ?? 0) - 1);
}

function inOrder(topics: ReadonlyMap<string, readonly number[]>): Assignment {
  const entries = [...topics].toSorted(([one], [other]) => compare(one, other));
  return Object.fromEntries(entries.map(([topic, numbers]) => [topic, numbers.toSorted((a, b) => a - b)]));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
