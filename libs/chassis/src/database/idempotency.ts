import { hash } from 'node:crypto';
import { z } from 'zod';
import { DomainError, isLockTimeout } from '../errors/index.ts';
import { insertRows, placeholders } from './sql.ts';
import type { Database, SqlExecutor, Transaction } from './transaction.ts';

/** Keys are kept this long; clients are promised 24 h. */
const KEEP_HOURS = 48;
/** Without spaces: the column's collation ignores a space at the end. */
const VISIBLE = /^[\x21-\x7e]{1,255}$/;

/** `Idempotency-Key` of a request. */
export const idempotencyKeySchema = z
  .string()
  .regex(VISIBLE, 'expected 1 to 255 visible characters')
  .describe(
    'One effect for one user, method, path and key, for at least 24 hours. Draw a new one (a UUID) for each intent.',
  );
const COLUMNS = ['user_id', 'scope', 'idem_key', 'request_hash', 'request_id', 'created_at'];

/** One request's claim to a key: the first rows that its transaction locks. */
export interface IdempotencyClaim {
  readonly userId: number;
  /** Method and path: `POST /orders`. At most 191 ASCII characters. */
  readonly scope: string;
  readonly key: string;
  /** `requestHash(body)` */
  readonly requestHash: string;
  /** UUID of this request, to be stored with its effect. */
  readonly requestId: string;
}

export type ClaimOutcome =
  /** The key belongs to this request: make the effect and store `requestId` with it. */
  | { readonly kind: 'new' }
  /** The same request came before: answer from the effect that carries this `requestId`. */
  | { readonly kind: 'replay'; readonly requestId: string }
  /** The key stands for another body: IDEMPOTENCY_KEY_REUSED. */
  | { readonly kind: 'mismatch' };

/**
 * `Idempotency-Key` of a request: undefined without one; throws VALIDATION_FAILED unless it is 1 to 255 visible ASCII
 * characters.
 */
export function idempotencyKeyFrom(request: {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  const result = idempotencyKeySchema.safeParse(key);
  if (result.success) return result.data;
  const message = result.error.issues[0]?.message ?? '';
  throw new DomainError('VALIDATION_FAILED', `Idempotency-Key: ${message}`, {
    errors: [{ path: 'Idempotency-Key', message }],
  });
}

/** SHA-256 of the body as canonical JSON: the order of members does not matter, absent and undefined are the same. */
export function requestHash(body: unknown): string {
  return hash('sha256', canonicalJson(body), 'hex');
}

/**
 * Claims keys inside the transaction of their effects: request id → what is to be done. Among several claims of one key
 * in the batch the first wins and the others are its replays (or mismatches).
 *
 * Rows are inserted in key order, so two instances that claim the same keys wait for each other but never in a circle.
 * A claim that another transaction holds waits for its end: after a commit it is a replay, after a rollback it is new.
 * When the wait takes longer than the lock time-out, IDEMPOTENCY_IN_FLIGHT is thrown.
 *
 * A replay may repeat a request of this same batch. If that request is then refused, its replays get the same refusal:
 * there is no effect to answer from.
 */
export async function claimIdempotencyKeys(
  tx: Transaction,
  claims: readonly IdempotencyClaim[],
  now: Date = new Date(),
): Promise<Map<string, ClaimOutcome>> {
  const outcomes = new Map<string, ClaimOutcome>();
  if (claims.length === 0) return outcomes;
  // INSERT IGNORE would truncate values that do not fit, and so confuse keys.
  const unfit = claims.find((claim) => !/^[\x20-\x7e]{1,191}$/.test(claim.scope) || !VISIBLE.test(claim.key));
  if (unfit) throw new RangeError(`idempotency scope or key does not fit its column: ${unfit.scope}`);
  const byKey = Map.groupBy(claims, keyOf);
  const firsts = [...byKey.values()].flatMap((group) => group.slice(0, 1)).sort(compareKeys);
  const rows = firsts.map((c) => [c.userId, c.scope, c.key, c.requestHash, c.requestId, now]);
  const inserted = await insertRows(tx, 'idempotency_key', COLUMNS, rows, { ignore: true }).catch(inFlight);
  const owners = inserted === firsts.length ? firsts : await readOwners(tx, firsts);
  for (const owner of owners) {
    for (const claim of byKey.get(keyOf(owner)) ?? []) {
      if (claim.requestId === owner.requestId) outcomes.set(claim.requestId, { kind: 'new' });
      else if (claim.requestHash !== owner.requestHash) outcomes.set(claim.requestId, { kind: 'mismatch' });
      else outcomes.set(claim.requestId, { kind: 'replay', requestId: owner.requestId });
    }
  }
  if (outcomes.size !== claims.length)
    throw new Error('idempotency: a claim has no outcome (is a requestId used twice?)');
  return outcomes;
}

/**
 * Claims the key of one request, if it has one.
 * @returns the id of the earlier request that the key stands for; undefined where this request is to have its effect
 * @throws {DomainError} IDEMPOTENCY_KEY_REUSED
 */
export async function claimForOne(
  tx: Transaction,
  { requestId, claim }: { readonly requestId: string; readonly claim?: IdempotencyClaim },
  now: Date,
): Promise<string | undefined> {
  const outcome = (await claimIdempotencyKeys(tx, claim ? [claim] : [], now)).get(requestId);
  if (outcome?.kind === 'mismatch') throw new DomainError('IDEMPOTENCY_KEY_REUSED');
  return outcome?.kind === 'replay' ? outcome.requestId : undefined;
}

/**
 * The outcome that a claim of each key would have now, in their order, by one query. It claims nothing and does not
 * wait: a request that has not committed yet is not seen.
 */
export async function findIdempotencyKeys(
  database: SqlExecutor,
  keys: readonly Omit<IdempotencyClaim, 'requestId'>[],
): Promise<ClaimOutcome[]> {
  if (keys.length === 0) return [];
  const owners = new Map((await readOwners(database, keys)).map((owner) => [keyOf(owner), owner]));
  return keys.map((key) => {
    const owner = owners.get(keyOf(key));
    if (!owner) return { kind: 'new' };
    if (owner.requestHash !== key.requestHash) return { kind: 'mismatch' };
    return { kind: 'replay', requestId: owner.requestId };
  });
}

/** A request waits for its locks this long at most between the claim of its key and the time in its row, ms. */
const CLAIM_BEFORE_MS = 60_000;

/** Request id → the key that the request has claimed, as long as it is kept. `at`: the time in the effect's row. */
export async function keysOfRequests(
  sql: Pick<SqlExecutor, 'query'>,
  requests: readonly { readonly requestId: string; readonly at: Date }[],
): Promise<Map<string, Pick<IdempotencyClaim, 'key' | 'requestHash'>>> {
  if (requests.length === 0) return new Map();
  const times = requests.map(({ at }) => at.getTime());
  // The index is that of the time: without it each call would read the whole table.
  const rows = await sql.query<Omit<IdempotencyClaim, 'userId' | 'scope'>>(
    `SELECT request_id AS requestId, idem_key AS \`key\`, request_hash AS requestHash FROM idempotency_key
      WHERE created_at BETWEEN ? AND ? AND request_id IN (${placeholders(requests.length)})`,
    [
      new Date(Math.min(...times) - CLAIM_BEFORE_MS),
      new Date(Math.max(...times) + CLAIM_BEFORE_MS),
      ...requests.map(({ requestId }) => requestId),
    ],
  );
  return new Map(rows.map(({ requestId, key, requestHash }) => [requestId, { key, requestHash }]));
}

/** Releases keys when the effect was refused, in the same transaction: refusals are not remembered. */
export async function releaseIdempotencyKeys(
  tx: Transaction,
  claims: readonly Pick<IdempotencyClaim, 'userId' | 'scope' | 'key' | 'requestId'>[],
): Promise<void> {
  if (claims.length === 0) return;
  const sorted = claims.toSorted(compareKeys);
  await tx.execute(
    `DELETE FROM idempotency_key WHERE ${sorted.map(() => '(user_id = ? AND scope = ? AND idem_key = ? AND request_id = ?)').join(' OR ')}`,
    sorted.flatMap((c) => [c.userId, c.scope, c.key, c.requestId]),
  );
}

/**
 * Writes the keys of requests whose effects are restored from events. A key reused after its retention stands for the
 * later request.
 */
export async function restoreIdempotencyKeys(
  tx: Transaction,
  keys: readonly (IdempotencyClaim & { readonly createdAt: Date })[],
): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys
    .toSorted(compareKeys)
    .map((c) => [c.userId, c.scope, c.key, c.requestHash, c.requestId, c.createdAt]);
  const ifLater = (column: string) => `${column} = IF(VALUES(created_at) > created_at, VALUES(${column}), ${column})`;
  // created_at is updated last: the other columns are compared with its former value.
  const onDuplicateUpdate = ['request_hash', 'request_id', 'created_at'].map(ifLater).join(', ');
  await insertRows(tx, 'idempotency_key', COLUMNS, rows, { onDuplicateUpdate });
}

/** Removes keys older than 48 h, in small steps, each its own transaction, until `signal` aborts. @returns how many */
export async function purgeIdempotencyKeys(
  database: Pick<Database, 'execute' | 'clock'>,
  { now = database.clock.date(), chunk = 1000, signal }: { now?: Date; chunk?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const before = new Date(now.getTime() - KEEP_HOURS * 3_600_000);
  let removed = 0;
  while (!signal?.aborted) {
    const { affectedRows } = await database.execute(
      `DELETE FROM idempotency_key WHERE created_at < ? ORDER BY created_at LIMIT ${Math.floor(chunk)}`,
      [before],
    );
    removed += affectedRows;
    if (affectedRows < chunk) break;
  }
  return removed;
}

type Key = Pick<IdempotencyClaim, 'userId' | 'scope' | 'key'>;

async function readOwners(tx: SqlExecutor, keys: readonly Key[]): Promise<IdempotencyClaim[]> {
  return await tx.query<IdempotencyClaim>(
    `SELECT user_id AS userId, scope, idem_key AS \`key\`, request_hash AS requestHash, request_id AS requestId
       FROM idempotency_key WHERE (user_id, scope, idem_key) IN (${keys.map(() => `(${placeholders(3)})`).join(',')})`,
    keys.flatMap((key) => [key.userId, key.scope, key.key]),
  );
}

function inFlight(error: unknown): never {
  if (!isLockTimeout(error)) throw error;
  throw new DomainError('IDEMPOTENCY_IN_FLIGHT', 'The first request with this key has not finished yet.', {
    retryAfterSeconds: 1,
  });
}

function keyOf(key: Key): string {
  return `${key.userId}\n${key.scope}\n${key.key}`;
}

/** Compares in the order of the primary key. */
function compareKeys(a: Key, b: Key): number {
  return a.userId - b.userId || compareText(a.scope, b.scope) || compareText(a.key, b.key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function canonicalJson(value: unknown): string {
  // Validated bodies hold times as Dates, which have no members of their own.
  if (value instanceof Date) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.sort(([a], [b]) => compareText(a, b));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
