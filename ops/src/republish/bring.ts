import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Codec, setMissedBefore } from '@shop/events';
import type { Group } from '../../../services/groups.ts';
import { schemaOf } from '../../../services/services.ts';
import { WAITING } from '../audit/groups.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { byKeyInOrder, chunksOfKeys } from './in-order.ts';
import type { GroupPlan } from './missed.ts';

/** Most letters in one transaction. */
const CHUNK = 500;
/** Letters need distinct positions: so many begin in one millisecond. */
const PER_MS = 4_096;

/**
 * Writes what a group missed as letters into its service's schema, whole keys in a transaction. After a crash the
 * command finds the rest: what was written is set aside or applied. @returns how many
 */
export async function bring(
  service: SqlConnection,
  codec: Pick<Codec, 'encode'>,
  { group, missed }: GroupPlan,
  reason: string,
): Promise<number> {
  const now = new Date();
  const why = `missed, and brought by ${userInfo().username}@${hostname()}: ${reason}`.slice(0, 1_000);
  let firstPosition = now.getTime() * PER_MS;
  for (const chunk of chunksOfKeys(byKeyInOrder(missed), CHUNK)) {
    const events = chunk.map(({ service: _service, past: { event }, at: _at, ...envelope }) => ({
      ...envelope,
      payload: codec.encode(event.type, event.data),
    }));
    const options = { group: group.group, parks: group.parks ?? true, why, firstPosition, now };
    await service.transaction((tx) => setMissedBefore(tx, events, options));
    firstPosition += events.length;
  }
  return missed.length;
}

/** Letters that were brought to a group, by what became of them. */
export interface Brought {
  /** They wait for the service to apply them. */
  readonly waiting: number;
  /** They failed, or wait behind a letter that has. */
  readonly setAside: number;
}

/** What became of the letters that were brought to a group: those that are not applied yet. */
async function readBrought(sql: SqlReader, { group, service, parks = true }: Group): Promise<Brought> {
  const letters = await sql.query<{ status: string; key: string; isBrought: number }>(
    `SELECT status, message_key AS \`key\`, \`partition\` = -1 AS isBrought FROM ${schemaOf(service)}.dead_letter
      WHERE consumer_group = ? AND status IN (?) AND (\`partition\` = -1 OR status = 'DEAD')`,
    [group, [...WAITING]],
  );
  const dead = new Set(letters.filter(({ status }) => status === 'DEAD').map(({ key }) => key));
  const brought = letters.filter(({ isBrought }) => isBrought === 1);
  const setAside = brought.filter(({ status, key }) => status === 'DEAD' || (parks && dead.has(key))).length;
  return { waiting: brought.length - setAside, setAside };
}

/** Waits until the service has applied the letters or set them aside, `deadline` (performance.now) at the latest. */
export async function waitForBrought(sql: SqlReader, group: Group, deadline: number): Promise<Brought> {
  for (;;) {
    const brought = await readBrought(sql, group);
    if (brought.waiting === 0 || performance.now() > deadline) return brought;
    await sleep(200);
  }
}
