import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { silentLogger } from '@shop/events';
import { createClient, readAssignment } from '../../libs/events/src/kafka/index.ts';
import { ALL_GROUPS, type Group } from '../../services/groups.ts';
import { isExample, SERVICE_NAMES } from '../../services/services.ts';
import { expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { startLoad } from '../support/load.ts';
import { PATIENT } from '../support/patient.ts';
import { type System, startSystem } from '../support/system.ts';

// One more than there are partitions: one member of each group has nothing to do.
const INSTANCES = 7;
const PARTITIONS = 6;
/** Orders a second. */
const RATE = 20;

let system: System;
let users: number[];
let products: number[];

beforeAll(async () => {
  system = await startSystem({ knownInstances: INSTANCES, env: PATIENT });
  for (let instance = 2; instance <= INSTANCES; instance++)
    await Promise.all(SERVICE_NAMES.map((service) => system.start(service, instance)));
  users = [];
  await inTurns(Array.from({ length: 60 }), async () => users.push(await system.api.newUser(10_000_000)));
  products = await Promise.all(Array.from({ length: 4 }, () => system.api.newProduct(10, 500_000)));
}, 600_000);

afterAll(() => system?.stop(), 120_000);

/** Member → partition → the topics of which it has that partition. */
type Dealt = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** How the partitions of a group are dealt, once all its members have joined and none is on its way. */
async function dealt(group: string, members: number): Promise<Dealt> {
  const brokers = [system.stack.env.KAFKA_BROKERS ?? ''];
  const admin = createClient({ brokers, clientId: 'test', logger: silentLogger }).admin();
  await admin.connect();
  try {
    return await eventually(
      `${members} members of ${group}`,
      async () => {
        const [described] = (await admin.describeGroups([group])).groups;
        if (described?.state !== 'Stable' || described.members.length !== members) return false;
        return new Map(
          described.members.map(({ memberId, memberAssignment }) => {
            const all = Object.entries(readAssignment(memberAssignment)).flatMap(([topic, numbers]) =>
              numbers.map((it) => [it, topic] as const),
            );
            const topicsOf = Map.groupBy(all, ([partition]) => String(partition));
            return [memberId, new Map([...topicsOf].map(([partition, own]) => [partition, own.map(([, it]) => it)]))];
          }),
        );
      },
      { withinMs: 60_000 },
    );
  } finally {
    await admin.disconnect();
  }
}

/** The shop's groups of services whose instances come and go. */
const GROUPS = ALL_GROUPS.filter(({ service }) => !isExample(service));

/** Each partition number, over all topics of the group, has one member; and no member has more than its share. */
function expectOrdersOnOneMember({ group }: Group, dealing: Dealt): void {
  const members = [...dealing.values()];
  const busy = members.filter((topicsOf) => topicsOf.size > 0);
  const numbers = busy.flatMap((topicsOf) => [...topicsOf.keys()]);
  expect([group, numbers.toSorted()]).toEqual([group, Array.from({ length: PARTITIONS }, (_, i) => String(i))]);
  const topics = new Set(busy.flatMap((topicsOf) => [...topicsOf.values()].map((own) => own.toSorted().join(' '))));
  expect([group, topics.size]).toEqual([group, 1]);
  expect([group, Math.max(...busy.map(({ size }) => size))]).toEqual([group, Math.ceil(PARTITIONS / members.length)]);
}

it('when seven instances of each service run, then one member has all topics of an order, also after two are killed', async () => {
  const load = startLoad(system.api, { perSecond: RATE, users, products });
  try {
    await load.accepted(5 * RATE);
    for (const group of GROUPS) expectOrdersOnOneMember(group, await dealt(group.group, INSTANCES));
    await Promise.all(
      SERVICE_NAMES.flatMap((service) => [2, 5].map((instance) => system.process(service, instance).kill9())),
    );
    for (const group of GROUPS) expectOrdersOnOneMember(group, await dealt(group.group, INSTANCES - 2));
    await load.accepted(5 * RATE);
    for (const instance of [2, 5]) await Promise.all(SERVICE_NAMES.map((service) => system.start(service, instance)));
    for (const group of GROUPS) expectOrdersOnOneMember(group, await dealt(group.group, INSTANCES));
  } finally {
    await load.stop();
  }
  await expectCleanAudit(system, { withinMs: 90_000 });
  const { accepted, ends } = await expectAcceptedOrdersEnded(system, load.answers);
  noteFigure('seven instances', 'groups whose dealing was looked at', GROUPS.length);
  noteFigure('seven instances', 'accepted orders and their ends', `${accepted} ${JSON.stringify(ends)}`);
}, 600_000);
