import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import type { SqlReader } from '../sql.ts';
import type { InstanceStatus } from '../status/read.ts';

/** The group under which `dead_letter` keeps events that were never sent: an operator set them aside. */
export const NEVER_SENT = 'outbox';

/** The waiting events of a service for one topic. */
export interface WaitingTopic {
  readonly service: ServiceName;
  readonly topic: string;
  readonly waiting: number;
  readonly oldest: Date;
  /** Why the broker refuses some or all of them; undefined while it takes them. */
  readonly refused: string | undefined;
  /** The first event of each of some keys: `catalog/12`, its type, key and size. */
  readonly first: readonly string[];
}

/** A row of an outbox. */
export interface WaitingEvent {
  readonly service: ServiceName;
  readonly seq: number;
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly type: string;
  readonly bytes: number;
  readonly createdAt: Date;
}

const EXAMPLES = 3;
const COLUMNS =
  'seq, id, aggregatetype AS topic, aggregateid AS `key`, type, LENGTH(payload) AS bytes, created_at AS createdAt';

export async function readWaitingTopics(sql: SqlReader, instances: readonly InstanceStatus[]): Promise<WaitingTopic[]> {
  const all: WaitingTopic[] = [];
  for (const service of SERVICE_NAMES) {
    const topics = await sql.query<{ topic: string; waiting: number; oldest: Date }>(
      `SELECT aggregatetype AS topic, COUNT(*) AS waiting, MIN(created_at) AS oldest
         FROM ${schemaOf(service)}.outbox GROUP BY aggregatetype ORDER BY topic`,
    );
    for (const { topic, waiting, oldest } of topics) {
      const rows = await sql.query<WaitingEvent>(
        `SELECT ${COLUMNS} FROM ${schemaOf(service)}.outbox o WHERE aggregatetype = ? AND seq = (
           SELECT MIN(seq) FROM ${schemaOf(service)}.outbox f
            WHERE f.aggregatetype = o.aggregatetype AND f.aggregateid = o.aggregateid) ORDER BY seq LIMIT ?`,
        [topic, EXAMPLES],
      );
      const first = rows.map((it) => `${service}/${it.seq} ${it.type} ${it.key} (${it.bytes} bytes)`);
      all.push({ service, topic, waiting, oldest, refused: refusalOf(instances, service, topic), first });
    }
  }
  return all;
}

/** Why a service's relay has this topic refused now; undefined when it has not. */
export function refusalOf(
  instances: readonly InstanceStatus[],
  service: ServiceName,
  topic: string,
): string | undefined {
  const refused = instances.filter((it) => it.service === service).flatMap((it) => it.messaging?.refused ?? []);
  return refused.find((it) => it.topic === topic)?.reason;
}

/** @throws in words when `ref` names no waiting event */
export async function readWaitingEvent(sql: SqlReader, ref: string): Promise<WaitingEvent> {
  const [name, number, more] = ref.split('/');
  const service = SERVICE_NAMES.find((each) => each === name);
  if (!service || more !== undefined || !/^[1-9]\d*$/.test(number ?? ''))
    throw new Error(`"${ref}" names no waiting event: give service/number, as \`outbox list\` does`);
  const [row] = await sql.query<WaitingEvent>(`SELECT ${COLUMNS} FROM ${schemaOf(service)}.outbox WHERE seq = ?`, [
    Number(number),
  ]);
  if (!row) throw new Error(`${ref} is not in the outbox: it was sent, or set aside`);
  return { ...row, service };
}

/** The number of the event of the same topic and key that waits in front of this one, if any. */
export async function readFront(sql: SqlReader, event: WaitingEvent): Promise<number | undefined> {
  const [row] = await sql.query<{ seq: number | null }>(
    `SELECT MIN(seq) AS seq FROM ${schemaOf(event.service)}.outbox WHERE aggregatetype = ? AND aggregateid = ? AND seq < ?`,
    [event.topic, event.key, event.seq],
  );
  return row?.seq ?? undefined;
}

/** An event that the broker refuses, as far as can be told, and the broker's reason. */
export interface RefusedEvent {
  readonly event: WaitingEvent;
  readonly refusal: string;
}

/** The time between two looks, ms. Events that were sent stay in the table for up to 200 ms. */
const LOOKS_APART_MS = 3_000;

/**
 * The waiting event that `ref` names. A refusal is known by topic, though often one key alone waits, and an event that
 * was just sent is still in the table: so it must be there, refused and the first of its key, at two looks.
 * @throws in words when it is not
 */
export async function readRefusedEvent(
  sql: SqlReader,
  readInstances: () => Promise<readonly InstanceStatus[]>,
  ref: string,
  apartMs = LOOKS_APART_MS,
): Promise<RefusedEvent> {
  const look = async () => {
    const event = await readWaitingEvent(sql, ref);
    const refusal = refusalOf(await readInstances(), event.service, event.topic);
    if (!refusal) throw new Error(`the broker takes ${event.topic}: ${ref} will be sent`);
    const front = await readFront(sql, event);
    if (front !== undefined)
      throw new Error(`${ref} waits behind ${event.service}/${front} of its key: act on that one`);
    return { event, refusal };
  };
  await look();
  await sleep(apartMs);
  return await look();
}

/** An event that an operator set aside instead of sending it. */
export interface SetAside {
  readonly service: ServiceName;
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly topic: string;
  readonly reason: string;
  /** Whether its topic holds it all the same: it was just being sent. Absent: not compared. */
  readonly isOnTopic?: boolean;
}

export async function readSetAside(sql: SqlReader): Promise<SetAside[]> {
  const all: SetAside[] = [];
  for (const service of SERVICE_NAMES) {
    const rows = await sql.query<Omit<SetAside, 'service'>>(
      `SELECT event_id AS id, event_type AS type, COALESCE(message_key, '') AS \`key\`, topic, resolution AS reason
         FROM ${schemaOf(service)}.dead_letter WHERE consumer_group = ? ORDER BY id`,
      [NEVER_SENT],
    );
    all.push(...rows.map((row) => ({ ...row, service })));
  }
  return all;
}
