import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordRange } from '@shop/events';
import { SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import type { ReplayWish } from './options.ts';
import type { ReplayPlan } from './plan.ts';
import { WishError } from './wish-error.ts';

/** A row of `replay`, in the form shown to operators. */
export interface Replay {
  /** `payment/3`. */
  readonly ref: string;
  readonly kind: 'REPLAY' | 'RECOVERY' | 'REBUILD';
  readonly group: string;
  readonly status: 'REQUESTED' | 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED';
  readonly requestedBy: string;
  readonly reason: string;
  readonly requestedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly facts: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly parked: number;
  readonly dead: number;
  readonly skipped: number;
  readonly error: string | null;
}

/** A request to a service, with the plan it is based on. */
export interface Request {
  readonly kind: 'REPLAY' | 'REBUILD';
  readonly group: string;
  readonly filters: object;
  readonly ranges: readonly object[];
  readonly plan: object;
}

/** The request of a planned replay. */
export function replayRequest({ types, key, from, to }: ReplayWish, planned: ReplayPlan): Request {
  const { group, ranges, messages, fresh, setAside, types: counts } = planned;
  const filters = { types, key, from: from.toISOString(), to: to?.toISOString() ?? null };
  return { kind: 'REPLAY', group, filters, ranges: inText(ranges), plan: { messages, fresh, setAside, types: counts } };
}

/** Ranges in JSON: offsets are 64 bits, so they become text. */
export function inText(ranges: readonly RecordRange[]) {
  return ranges.map((range) => ({ ...range, from: String(range.from), to: String(range.to) }));
}

/** Writes the request into the service's `replay`, in this operator's name. @returns its number */
export async function insertRequest(
  service: SqlConnection,
  { kind, group, filters, ranges, plan }: Request,
  { reason, rate, maxLag }: { readonly reason: string; readonly rate: number; readonly maxLag: number },
): Promise<number> {
  const now = new Date();
  const who = `${userInfo().username}@${hostname()}`.slice(0, 100);
  const texts = [JSON.stringify(filters), JSON.stringify(ranges), JSON.stringify(plan)];
  const { insertId } = await service.execute(
    `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate, max_lag, requested_at, updated_at)
     VALUES (?, ?, 'REQUESTED', ?, ?, ?, ?, ?, '{}', ?, ?, ?, ?)`,
    [kind, group, who, reason, ...texts, rate, maxLag, now, now],
  );
  return insertId;
}

/** Splits `payment/3` into its service and number. @throws WishError */
export function parseRef(ref: string): { service: ServiceName; id: number } {
  const [name, number, more] = ref.split('/');
  const service = SERVICE_NAMES.find((each) => each === name);
  const id = Number(number);
  if (!service || more !== undefined || !Number.isInteger(id) || id < 1)
    throw new WishError(`"${ref}" names no replay: give service/number, e.g. payment/3.`);
  return { service, id };
}

/** Cancels a replay that has not ended: the current batch is the last. @returns whether it was still open */
export async function cancelReplay(service: SqlConnection, id: number): Promise<boolean> {
  const { affectedRows } = await service.execute(
    `UPDATE replay SET status = 'CANCELLED', updated_at = UTC_TIMESTAMP(3), finished_at = UTC_TIMESTAMP(3)
      WHERE id = ? AND kind IN ('REPLAY', 'REBUILD') AND status IN ('REQUESTED', 'RUNNING')`,
    [id],
  );
  return affectedRows === 1;
}

/** @throws in words when there is no such replay */
export async function readReplay(sql: SqlReader, ref: string): Promise<Replay> {
  const { service, id } = parseRef(ref);
  const [row] = await readFrom(sql, service, 'WHERE id = ?', [id]);
  if (!row) throw new Error(`there is no replay ${ref}`);
  return row;
}

/** The latest replays of every service, newest first. */
export async function listReplays(sql: SqlReader, limit: number): Promise<Replay[]> {
  const all: Replay[] = [];
  for (const service of SERVICE_NAMES) all.push(...(await readFrom(sql, service, 'ORDER BY id DESC LIMIT ?', [limit])));
  return all.sort((a, b) => b.requestedAt.getTime() - a.requestedAt.getTime()).slice(0, limit);
}

/** Waits for the end of a replay and reports each change of `counts`. After `timeoutMs` returns its present state. */
export async function waitForEnd(
  sql: SqlReader,
  ref: string,
  timeoutMs: number,
  tell: (replay: Replay) => void,
): Promise<Replay> {
  const deadline = performance.now() + timeoutMs;
  let toldAt = performance.now();
  for (;;) {
    const replay = await readReplay(sql, ref);
    if (replay.finishedAt || performance.now() > deadline) return replay;
    if (performance.now() - toldAt > 2_000) {
      tell(replay);
      toldAt = performance.now();
    }
    await sleep(200);
  }
}

function readFrom(
  sql: SqlReader,
  service: ServiceName,
  where: string,
  params: readonly (string | number)[],
): Promise<Replay[]> {
  return sql.query<Replay>(
    `SELECT CONCAT('${service}/', id) AS ref, kind, consumer_group AS \`group\`, status, requested_by AS requestedBy, reason,
            requested_at AS requestedAt, started_at AS startedAt, finished_at AS finishedAt, facts, applied, duplicate,
            parked, dead, skipped, error
       FROM ${schemaOf(service)}.replay ${where}`,
    params,
  );
}
