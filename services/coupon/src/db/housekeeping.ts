import { type Database, placeholders } from '@shop/chassis';

const CHUNK = 500;
const REQUESTS_KEPT_DAYS = 7;
const DAY_MS = 86_400_000;

/**
 * Marks ISSUED coupons past their time as EXPIRED, one bounded batch a transaction. They are found without a lock, then
 * locked by primary key, as all code locks coupons, and checked again: another instance, or an order, may have been
 * quicker.
 * @returns how many
 */
export async function expireCoupons(database: Database, now: Date, signal?: AbortSignal): Promise<number> {
  let expired = 0;
  while (!signal?.aborted) {
    const due = await database.query<{ couponId: string }>(
      `SELECT coupon_id AS couponId FROM coupons FORCE INDEX (coupons_expiry)
        WHERE status = 'ISSUED' AND expires_at <= ? ORDER BY expires_at LIMIT ${CHUNK}`,
      [now],
    );
    if (due.length === 0) break;
    const ids = due.map((it) => it.couponId).sort();
    const { affectedRows } = await database.transaction((tx) =>
      tx.execute(
        `UPDATE coupons FORCE INDEX (PRIMARY) SET status = 'EXPIRED'
          WHERE coupon_id IN (${placeholders(ids.length)}) AND status = 'ISSUED' AND expires_at <= ? ORDER BY coupon_id`,
        [...ids, now],
      ),
    );
    expired += affectedRows;
    if (due.length < CHUNK) break;
  }
  return expired;
}

/** Requests of the log that were decided before then are removed. */
export function requestsKeptSince(now: Date): Date {
  return new Date(now.getTime() - REQUESTS_KEPT_DAYS * DAY_MS);
}

/**
 * Removes requests of the log that were decided more than seven days ago, in small steps. An undecided request stays:
 * it is a dead letter that an operator must look at, and once it was redriven its user may look for seven days. No
 * request is decided before it is made, so the index on that time bounds what is looked at.
 */
export async function purgeRequests(database: Database, now: Date, signal?: AbortSignal): Promise<number> {
  const before = requestsKeptSince(now);
  let removed = 0;
  for (const status of ['ISSUED', 'SOLD_OUT', 'ENDED']) {
    while (!signal?.aborted) {
      const { affectedRows } = await database.execute(
        `DELETE FROM coupon_requests WHERE status = ? AND created_at < ? AND updated_at < ?
          ORDER BY created_at LIMIT ${CHUNK}`,
        [status, before, before],
      );
      removed += affectedRows;
      if (affectedRows < CHUNK) break;
    }
  }
  return removed;
}
