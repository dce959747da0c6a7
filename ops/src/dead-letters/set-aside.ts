import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlExecutor } from '@shop/chassis';
import { schemaOf } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { GROUPS, topicsOf } from '../audit/groups.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { type InstanceStatus, readInstances } from '../status/read.ts';

/** What an operator permits: a group may set aside up to `most` messages, of all its partitions or of some. */
export interface PermitWish {
  readonly group: string;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly most: number;
  readonly minutes: number;
  readonly reason: string;
}

/** The part of a wish that says where. */
type PlaceWish = Pick<PermitWish, 'group' | 'topic' | 'partition'>;

/** The group of a wish. @throws in words when there is no such group, topic or partition */
export function groupOf({ group: name, topic, partition }: PlaceWish) {
  const group = GROUPS.find((each) => each.group === name);
  if (!group) throw new Error(`there is no group ${name}; there are ${GROUPS.map((each) => each.group).join(', ')}`);
  if (topic !== undefined && !topicsOf(group).includes(topic))
    throw new Error(`${name} does not read ${topic}; it reads ${topicsOf(group).join(', ')}`);
  if (partition !== undefined && topic === undefined) throw new Error('A partition needs its topic: give --topic too.');
  return group;
}

/** The state of the partitions that a permit covers, as told by the service's instances at one moment. */
export interface Look {
  /** The halted ones, as `topic/partition`. */
  readonly halted: readonly string[];
  /** Instances that do not tell, by URL: what has halted there is not known. */
  readonly silent: readonly string[];
}

/** Asks every instance of the service what has halted of that which a permit would cover. */
export async function lookAt({ services }: Pick<Addresses, 'services'>, wish: PlaceWish): Promise<Look> {
  const { service } = groupOf(wish);
  return lookOf(await readInstances({ gateways: [], services }, [service]), wish);
}

/** An instance that is not ready has not joined its groups yet, or stops: it tells nothing, though it answers. */
export function lookOf(
  instances: readonly Pick<InstanceStatus, 'url' | 'ready' | 'messaging'>[],
  { group, topic, partition }: PlaceWish,
): Look {
  const halted = instances
    .flatMap(({ messaging }) => messaging?.haltedPartitions ?? [])
    .filter((it) => it.group === group)
    .filter((it) => (topic ?? it.topic) === it.topic && (partition ?? it.partition) === it.partition)
    .map((it) => `${it.topic}/${it.partition}`)
    .sort();
  return { halted, silent: instances.filter(({ ready, messaging }) => !ready || !messaging).map(({ url }) => url) };
}

/** A permit under which a group may still set messages aside. */
export interface OpenPermit {
  readonly id: number;
  readonly left: number;
  readonly expiresAt: Date;
}

/** The permits that have not ended and cover any partition that a wish covers: of its group, topic and partition. */
const OPEN = `consumer_group = ? AND expires_at > UTC_TIMESTAMP(3) AND (topic IS NULL OR topic = COALESCE(?, topic))
  AND (\`partition\` IS NULL OR \`partition\` = COALESCE(?, \`partition\`))`;
const openOf = ({ group, topic, partition }: PlaceWish) => [group, topic ?? null, partition ?? null];

/** The open permits that cover any of what this one would; those that are used up are left out. */
export async function readOpenPermits(sql: SqlReader, wish: PlaceWish): Promise<OpenPermit[]> {
  return await sql.query<OpenPermit>(
    `SELECT id, most - used AS \`left\`, expires_at AS expiresAt
       FROM ${schemaOf(groupOf(wish).service)}.set_aside_permit WHERE ${OPEN} AND used < most ORDER BY id`,
    openOf(wish),
  );
}

/**
 * Writes the permit into the service's schema, in this operator's name. It takes the place of the open ones that cover
 * any of the same partitions: what is left of them would outlast it.
 * @returns its number, and the numbers of those that it has ended
 */
export async function insertPermit(
  service: SqlConnection,
  wish: PermitWish,
): Promise<{ readonly id: number; readonly ended: readonly number[] }> {
  const who = `${userInfo().username}@${hostname()}`.slice(0, 100);
  return await service.transaction(async (tx) => {
    const ended = await endOpen(tx, wish);
    const { insertId } = await tx.execute(
      `INSERT INTO set_aside_permit (consumer_group, topic, \`partition\`, most, requested_by, reason, requested_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL ? MINUTE)`,
      [wish.group, wish.topic ?? null, wish.partition ?? null, wish.most, who, wish.reason, wish.minutes],
    );
    return { id: insertId, ended };
  });
}

/**
 * Ends every open permit that covers any of what the wish covers: what is left of one would let a later fault set
 * messages aside instead of halting.
 * @returns their numbers
 */
export async function endPermits(service: SqlConnection, wish: PlaceWish): Promise<number[]> {
  return await service.transaction((tx) => endOpen(tx, wish));
}

async function endOpen(tx: SqlExecutor, wish: PlaceWish): Promise<number[]> {
  const rows = await tx.query<{ id: number }>(
    `SELECT id FROM set_aside_permit WHERE ${OPEN} ORDER BY id FOR UPDATE`,
    openOf(wish),
  );
  for (const { id } of rows)
    await tx.execute('UPDATE set_aside_permit SET expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
  return rows.map(({ id }) => id);
}

/** Messages that were set aside under a permit, and how many more may be: none once it has ended. */
export async function readUse(sql: SqlReader, wish: PlaceWish, id: number): Promise<{ used: number; left: number }> {
  const [row] = await sql.query<{ used: number; left: number }>(
    `SELECT used, IF(expires_at > UTC_TIMESTAMP(3), most - used, 0) AS \`left\`
       FROM ${schemaOf(groupOf(wish).service)}.set_aside_permit WHERE id = ?`,
    [id],
  );
  return { used: row?.used ?? 0, left: row?.left ?? 0 };
}

/** So many looks in a row must find nothing: an instance that was just started has not tried its messages yet. */
const CLEAR_LOOKS = 2;

/**
 * Waits until nothing that the permit covers is halted any more, by the word of every instance. After `timeoutMs`
 * returns the latest look, which is not done.
 */
export async function waitForPermit(
  look: () => Promise<Look>,
  timeoutMs: number,
  everyMs = 500,
): Promise<Look & { readonly isDone: boolean }> {
  const deadline = performance.now() + timeoutMs;
  for (let clear = 0; ; ) {
    const latest = await look();
    clear = latest.halted.length + latest.silent.length === 0 ? clear + 1 : 0;
    if (clear === CLEAR_LOOKS) return { ...latest, isDone: true };
    if (clear === 0 && performance.now() > deadline) return { ...latest, isDone: false };
    await sleep(everyMs);
  }
}
