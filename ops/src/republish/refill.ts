import { setTimeout as sleep } from 'node:timers/promises';
import { type Codec, rememberLonger, sendAgain } from '@shop/events';
import type { ServiceName } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { GROUPS, isFor } from '../audit/groups.ts';
import { connectOwn } from '../own-schema.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { withClosing } from '../with-closing.ts';
import type { LogGap } from './log-gaps.ts';
import type { Missed } from './missed.ts';

/** Events in one transaction; with more than these in an outbox, the next ones wait, so that new events go between. */
const CHUNK = 500;

export interface RefillPlaces {
  /** The connection that the rows were read by. */
  readonly sql: SqlReader;
  readonly addresses: Addresses;
}

export interface RefillOptions {
  readonly codec: Pick<Codec, 'encode'>;
  /** Since when the rows were looked through. */
  readonly since: Date;
  /** How long an outbox may stand still, ms. */
  readonly patienceMs: number;
}

/**
 * Lets the publisher's relay send events that the topics lack. Before that, the inboxes remember them for longer: a
 * group that starts at the log's beginning, or a replay, drops what was applied. After a crash the command finds the
 * rest.
 * @throws when nobody relays
 */
export async function refill(
  { sql, addresses }: RefillPlaces,
  { service, events }: LogGap,
  options: RefillOptions,
): Promise<void> {
  await withClosing(
    () => connectOwn(sql, addresses, service),
    async (own) => {
      for (let i = 0; i < events.length; i += CHUNK) {
        const chunk = events.slice(i, i + CHUNK);
        await untilSent(own, service, CHUNK, options.patienceMs);
        await remember({ sql, addresses }, chunk);
        const rows = chunk.map(({ service: _service, past: { event }, at: _at, ...envelope }) => ({
          ...envelope,
          payload: options.codec.encode(event.type, event.data),
        }));
        const now = await timeOf(own);
        await own.transaction((tx) => sendAgain(tx, rows, options.since, now));
      }
      await untilSent(own, service, 0, options.patienceMs);
    },
  );
}

async function remember({ sql, addresses }: RefillPlaces, events: readonly Missed[]): Promise<void> {
  for (const group of GROUPS) {
    const ids = events.filter(({ headers }) => isFor(group, headers)).map(({ id }) => id);
    if (ids.length === 0) continue;
    await withClosing(
      () => connectOwn(sql, addresses, group.service),
      async (inbox) => {
        const now = await timeOf(inbox);
        await inbox.transaction((tx) => rememberLonger(tx, group.group, ids, now));
      },
    );
  }
}

async function timeOf(sql: SqlReader): Promise<Date> {
  const [row] = await sql.query<{ now: Date }>('SELECT UTC_TIMESTAMP(3) AS now');
  if (!row) throw new Error('the database does not tell the time');
  return row.now;
}

/** Waits until the outbox holds no more than `most` events that were sent again. */
async function untilSent(sql: SqlConnection, service: ServiceName, most: number, patienceMs: number): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  for (;;) {
    const [row] = await sql.query<{ n: number }>(
      `SELECT COUNT(*) AS n FROM outbox WHERE headers LIKE '%ce\\_republished%'`,
    );
    const n = row?.n ?? 0;
    if (n <= most) return;
    if (n < least) [least, movedAt] = [n, performance.now()];
    if (performance.now() - movedAt > patienceMs)
      throw new Error(`${n} events wait in the outbox of ${service}: is it running? Then repeat this command`);
    await sleep(50);
  }
}
