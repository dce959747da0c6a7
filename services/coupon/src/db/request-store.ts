import { insertRows, type Transaction } from '@shop/chassis';
import { acceptedAt } from '../domain/coupon.ts';
import type { RestoredRequest } from '../domain/facts.ts';
import type { RequestStore } from '../usecases/request-issue.ts';

const COLUMNS = ['request_id', 'coupon_policy_id', 'user_id', 'status', 'coupon_id', 'created_at', 'updated_at'];

export const sqlRequestStore: RequestStore<Transaction> = {
  async insertPending(tx, requests, at) {
    const rows = requests.map((it) => [it.requestId, it.couponPolicyId, it.userId, 'PENDING', null, at, at]);
    await insertRows(tx, 'coupon_requests', COLUMNS, rows);
  },

  async saveOutcomes(tx, decided, at) {
    const rows = decided
      .toSorted((a, b) => (a.requestId < b.requestId ? -1 : 1))
      .map((it) => [
        ...[it.requestId, it.couponPolicyId, it.userId, it.status, it.couponId],
        ...[acceptedAt(it.requestId), at],
      ]);
    // The upsert updates many rows in one statement.
    const update = 'status = VALUES(status), coupon_id = VALUES(coupon_id), updated_at = VALUES(updated_at)';
    await insertRows(tx, 'coupon_requests', COLUMNS, rows, { onDuplicateUpdate: update });
  },
};

/** Writes requests from events: ISSUED with a coupon, else PENDING, then without a row. Their times are their ids'. */
export async function restoreRequests(tx: Transaction, requests: readonly RestoredRequest[]): Promise<void> {
  const rows = requests.map(({ requestId, couponPolicyId, userId, couponId }) => {
    const at = acceptedAt(requestId);
    return [requestId, couponPolicyId, userId, couponId === null ? 'PENDING' : 'ISSUED', couponId, at, at];
  });
  const update = 'status = VALUES(status), coupon_id = VALUES(coupon_id), updated_at = VALUES(updated_at)';
  await insertRows(tx, 'coupon_requests', COLUMNS, rows, { onDuplicateUpdate: update });
}
