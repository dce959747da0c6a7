import { describe, expect, it } from '@jest/globals';
import { type AssignedMember, type Assignment, assignPartitions } from './assignment.ts';

const TOPICS = ['catalog-events', 'coupon-events', 'order-events', 'payment-events'];
const MEMBERS = Array.from({ length: 12 }, (_, index) => index + 1);
const PARTITIONS = Array.from({ length: 24 }, (_, index) => index + 1);

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const allOf = (count: number) => new Map(TOPICS.map((topic) => [topic, numbers(count)]));
const member = (id: string, owned: Assignment = {}, topics = TOPICS): AssignedMember => ({ id, topics, owned });
const members = (count: number) => numbers(count).map((index) => member(`m${index}`));

type Result = ReturnType<typeof assignPartitions>;

/** `topic/partition` → its members. */
function owners(result: Result): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [id, topics] of result) {
    for (const [topic, all] of Object.entries(topics)) {
      for (const partition of all)
        found.set(`${topic}/${partition}`, [...(found.get(`${topic}/${partition}`) ?? []), id]);
    }
  }
  return found;
}

/** Every partition has exactly one member, which has asked for its topic. */
function expectWhole(result: Result, asking: readonly AssignedMember[], partitions: Map<string, number[]>): void {
  const found = owners(result);
  const topicsOf = new Map(asking.map((it) => [it.id, new Set(it.topics)]));
  const isWrong = (name: string) => {
    const ids = found.get(name) ?? [];
    return ids.length !== 1 || !topicsOf.get(ids[0] ?? '')?.has(name.split('/')[0] ?? '');
  };
  const heard = [...partitions].filter(([topic]) => asking.some((it) => it.topics.includes(topic)));
  const names = heard.flatMap(([topic, all]) => all.map((partition) => `${topic}/${partition}`));
  expect(names.filter(isWrong)).toEqual([]);
  expect(found.size).toBe(names.length);
}

/** For each partition number all topics with the same subscribers have one member. */
function expectTogether(result: Result, asking: readonly AssignedMember[]): void {
  const heardBy = (topic: string) => asking.filter((it) => it.topics.includes(topic)).map((it) => it.id);
  const subscribers = new Map(TOPICS.map((topic) => [topic, heardBy(topic).join(' ')]));
  const byBundle = new Map<string, Set<string>>();
  for (const [name, [id = '']] of owners(result)) {
    const [topic = '', partition] = name.split('/');
    const bundle = `${partition} of ${subscribers.get(topic)}`;
    byBundle.set(bundle, (byBundle.get(bundle) ?? new Set()).add(id));
  }
  expect([...byBundle].filter(([, ids]) => ids.size !== 1)).toEqual([]);
}

/** Partition numbers that each member has, over all topics. */
function counts(result: Result): number[] {
  return [...result.values()].map((topics) => new Set(Object.values(topics).flat()).size);
}

function expectEven(result: Result): void {
  const all = counts(result);
  expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
}

const again = (result: Result, ids: readonly string[]) => ids.map((id) => member(id, result.get(id) ?? {}));
const moved = (before: Result, after: Result) => {
  const former = owners(before);
  const names = [...owners(after)].filter(([name, [id]]) => former.has(name) && former.get(name)?.[0] !== id);
  return new Set(names.map(([name]) => name.split('/')[1])).size;
};

describe('the assignment of partitions', () => {
  it('when 1 to 12 members share 1 to 24 partitions of four topics, then each number is one member’s, and shares are even', () => {
    for (const count of MEMBERS) {
      for (const size of PARTITIONS) {
        const asking = members(count);
        const result = assignPartitions(asking, allOf(size));
        expectWhole(result, asking, allOf(size));
        expectTogether(result, asking);
        expectEven(result);
      }
    }
  });

  it('when nothing has changed, then nothing moves, whatever the order of members and topics', () => {
    for (const count of MEMBERS) {
      for (const size of PARTITIONS) {
        const first = assignPartitions(members(count), allOf(size));
        const second = assignPartitions(
          again(first, [...first.keys()]).toReversed(),
          new Map([...allOf(size)].toReversed()),
        );
        expect(second).toEqual(first);
      }
    }
  });

  it('when a member leaves, then only what it had moves; when one comes, then only its share does', () => {
    for (const count of MEMBERS.slice(1)) {
      for (const size of PARTITIONS) {
        const before = assignPartitions(members(count), allOf(size));
        for (const gone of ['m0', `m${count - 1}`]) {
          const rest = [...before.keys()].filter((id) => id !== gone);
          const without = assignPartitions(again(before, rest), allOf(size));
          expectEven(without);
          expect(moved(before, without)).toBe(new Set(Object.values(before.get(gone) ?? {}).flat()).size);
          const back = assignPartitions([...again(without, rest), member('a-new-one')], allOf(size));
          expectEven(back);
          expect(moved(without, back)).toBe(counts(back)[0]);
          expect(counts(back)[0]).toBeLessThanOrEqual(Math.ceil(size / count));
        }
      }
    }
  });

  it('when topics have fewer partitions than others, or are missing, then all that there is stays together', () => {
    for (const count of MEMBERS) {
      for (const size of PARTITIONS) {
        const [most = '', fewer = '', one = ''] = TOPICS;
        const partitions = new Map([
          [most, numbers(size)],
          [fewer, numbers(Math.ceil(size / 3))],
          [one, [0]],
        ]);
        const asking = members(count);
        const result = assignPartitions(asking, partitions);
        expectWhole(result, asking, partitions);
        expectTogether(result, asking);
        expectEven(result);
      }
    }
  });

  it('when partitions are added, then no earlier one moves as long as shares stay even', () => {
    const before = assignPartitions(members(3), allOf(6));
    const after = assignPartitions(again(before, [...before.keys()]), allOf(12));
    expect(moved(before, after)).toBe(0);
    expectEven(after);
  });

  it('when some members hear one topic more, as in a rolling upgrade, then only these get it, and the others’ stay together', () => {
    const [added = '', ...common] = TOPICS;
    for (const count of [2, 3, 4, 5, 7, 12]) {
      for (const size of [1, 5, 6, 24]) {
        const olds = assignPartitions(
          numbers(count).map((index) => member(`m${index}`, {}, common)),
          allOf(size),
        );
        for (let upgraded = 1; upgraded < count; upgraded += 1) {
          const asking = [...olds].map(([id, owned], index) => member(id, owned, index < upgraded ? TOPICS : common));
          const result = assignPartitions(asking, allOf(size));
          expectWhole(result, asking, allOf(size));
          expectTogether(result, asking);
          // What all hear does not move for it.
          for (const [id, owned] of olds) {
            const { [added]: _, ...now } = result.get(id) ?? {};
            expect(now).toEqual(owned);
          }
        }
        const all = again(olds, [...olds.keys()]);
        expectTogether(assignPartitions(all, allOf(size)), all);
      }
    }
  });

  it('when members claim what others claim too, or what is not there, then everything is still given once', () => {
    const claims = { 'order-events': [0, 1, 2, 3, 4, 5, 99], 'no-topic': [0], 'catalog-events': [-1] };
    const asking = [member('b', claims), member('a', claims), member('c')];
    const result = assignPartitions(asking, allOf(6));
    expectWhole(result, asking, allOf(6));
    expectTogether(result, asking);
    expectEven(result);
    // The two claims are even so a help: a keeps its share of them.
    expect(result.get('a')?.['payment-events']).toEqual([0, 1]);
  });

  it('when members came and went at random, then shares are even, numbers together, and no more moved than had to', () => {
    let state = 42;
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    let current = assignPartitions(members(3), allOf(24));
    for (let step = 0; step < 150; step += 1) {
      const stayed = [...current.keys()].filter(() => random(4) > 0);
      const ids = [...stayed, ...numbers(random(3) + (stayed.length === 0 ? 1 : 0)).map((n) => `s${step}-${n}`)];
      const asking = again(current, ids);
      const next = assignPartitions(asking, allOf(24));
      expectWhole(next, asking, allOf(24));
      expectTogether(next, asking);
      expectEven(next);
      // A member keeps all that it had, up to its share.
      for (const id of stayed) {
        const had = new Set(Object.values(current.get(id) ?? {}).flat());
        const has = new Set(Object.values(next.get(id) ?? {}).flat());
        expect([...has].filter((partition) => had.has(partition))).toHaveLength(Math.min(had.size, has.size));
      }
      current = next;
    }
  });
});
