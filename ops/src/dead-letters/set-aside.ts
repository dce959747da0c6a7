import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { GROUPS, topicsOf } from '../audit/groups.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { readInstances } from '../status/read.ts';

/** What an operator permits: a group may set aside up to `most` messages, of all its partitions or of some. */
export interface PermitWish {
  readonly group: string;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly most: number;
  readonly minutes: number;
  readonly reason: string;
}

/** The group of a wish. @throws in words when there is no such group, topic or partition */
export function groupOf({ group: name, topic, partition }: Pick<PermitWish, 'group' | 'topic' | 'partition'>) {
  const group = GROUPS.find((each) => each.group === name);
  if (!group) throw new Error(`there is no group ${name}; there are ${GROUPS.map((each) => each.group).join(', ')}`);
  if (topic !== undefined && !topicsOf(group).includes(topic))
    throw new Error(`${name} does not read ${topic}; it reads ${topicsOf(group).join(', ')}`);
  if (partition !== undefined && topic === undefined) throw new Error('A partition needs its topic: give --topic too.');
  return group;
}

/** The halted partitions that a permit would cover, as `topic/partition`, from the services' instances. */
export async function coveredBy(
  { services }: Pick<Addresses, 'services'>,
  { group, topic, partition }: Pick<PermitWish, 'group' | 'topic' | 'partition'>,
): Promise<string[]> {
  const { service } = groupOf({ group, topic, partition });
  const instances = await readInstances({ gateways: [], services }, [service]);
  return instances
    .flatMap(({ messaging }) => messaging?.haltedPartitions ?? [])
    .filter((it) => it.group === group)
    .filter((it) => (topic ?? it.topic) === it.topic && (partition ?? it.partition) === it.partition)
    .map((it) => `${it.topic}/${it.partition}`)
    .sort();
}

/** Writes the permit into the service's schema, in this operator's name. @returns its number */
export async function insertPermit(service: SqlConnection, wish: PermitWish): Promise<number> {
  const who = `${userInfo().username}@${hostname()}`.slice(0, 100);
  const { insertId } = await service.execute(
    `INSERT INTO set_aside_permit (consumer_group, topic, \`partition\`, most, requested_by, reason, requested_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL ? MINUTE)`,
    [wish.group, wish.topic ?? null, wish.partition ?? null, wish.most, who, wish.reason, wish.minutes],
  );
  return insertId;
}

/** Ends a permit: what is left of it would let a later fault set messages aside instead of halting. */
export async function endPermit(service: SqlConnection, id: number): Promise<void> {
  await service.execute(
    'UPDATE set_aside_permit SET expires_at = UTC_TIMESTAMP(3) WHERE id = ? AND expires_at > UTC_TIMESTAMP(3)',
    [id],
  );
}

/** What has come of a permit. */
export interface PermitOutcome {
  /** Messages set aside under it. */
  readonly used: number;
  readonly left: number;
  /** Partitions that it covers and that are still halted. */
  readonly halted: readonly string[];
}

/** Waits until nothing that the permit covers is halted any more. After `timeoutMs` returns the present state. */
export async function waitForPermit(
  sql: SqlReader,
  addresses: Pick<Addresses, 'services'>,
  wish: PermitWish,
  id: number,
  timeoutMs: number,
): Promise<PermitOutcome> {
  const schema = schemaOf(groupOf(wish).service);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const halted = await coveredBy(addresses, wish);
    if (halted.length === 0 || performance.now() > deadline) {
      const [row] = await sql.query<{ used: number; left: number }>(
        `SELECT used, most - used AS \`left\` FROM ${schema}.set_aside_permit WHERE id = ?`,
        [id],
      );
      return { used: row?.used ?? 0, left: row?.left ?? 0, halted };
    }
    await sleep(500);
  }
}
