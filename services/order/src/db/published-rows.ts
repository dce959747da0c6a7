import { keysOfRequests, placeholders, type SqlExecutor } from '@shop/chassis';
import { type EventDataByType, type PastEvent, type PublishedRows, pagesAfter } from '@shop/events';
import type { CancellingRequest } from '../domain/decide.ts';
import { keyFields, type RequestKey } from '../domain/request.ts';
import { cancelScope } from '../usecases/cancel-order.ts';

interface StepRow {
  readonly orderId: string;
  readonly seq: number;
  readonly type: 'order-created' | 'order-completed' | 'order-cancelled';
  /** The event's data without its request, as JSON. */
  readonly data: string;
  readonly userId: number;
  readonly at: Date;
}

/** The order service's events: an order's history keeps the data of each as it was published, without its request. */
export const orderPublished: readonly PublishedRows[] = [
  {
    types: ['order-created', 'order-completed', 'order-cancelled'],
    partly:
      'order-created and order-cancelled tell their request (idempotencyKey, requestHash, requestId) only while its key is kept (null afterwards)',
    async *read(sql, since) {
      const steps = pagesAfter<StepRow>((last, limit) =>
        sql.query(
          `SELECT h.order_id AS orderId, h.seq, h.type, h.data, o.user_id AS userId, h.happened_at AS at
             FROM order_history h JOIN orders o ON o.order_id = h.order_id
            WHERE h.type IN ('order-created', 'order-completed', 'order-cancelled') AND h.happened_at >= ?
              AND (h.order_id > ? OR (h.order_id = ? AND h.seq > ?)) ORDER BY h.order_id, h.seq LIMIT ?`,
          [since, last?.orderId ?? '', last?.orderId ?? '', last?.seq ?? 0, limit],
        ),
      );
      for await (const page of steps) {
        const created = page.filter((row) => row.type === 'order-created');
        const keys = await keysOfRequests(
          sql,
          created.map(({ orderId, at }) => ({ requestId: orderId, at })),
        );
        const cancelling = await cancellingRequests(
          sql,
          page.filter((row) => row.type === 'order-cancelled'),
        );
        yield page.map((row) => toEvent(row, keys.get(row.orderId), cancelling.get(row.orderId)));
      }
    },
  },
];

/** The event of a step, with null for fields that are newer than the step. */
function toEvent(row: StepRow, key: RequestKey | undefined, cancelling: CancellingRequest | undefined): PastEvent {
  const { type, at } = row;
  // The column holds what this service wrote with this type. A field that is newer than the step is missing.
  const past = <T extends StepRow['type']>() => JSON.parse(row.data) as EventDataByType[T];
  switch (type) {
    case 'order-created': {
      const data = past<'order-created'>();
      return { event: { type, data: { ...data, createdAt: data.createdAt ?? at.getTime(), ...keyFields(key) } }, at };
    }
    case 'order-completed': {
      const data = past<'order-completed'>();
      return { event: { type, data: { ...data, steps: data.steps ?? null } }, at };
    }
    default: {
      const data = past<'order-cancelled'>();
      const request = { requestId: cancelling?.requestId ?? null, ...keyFields(cancelling) };
      return { event: { type, data: { ...data, steps: data.steps ?? null, ...request } }, at };
    }
  }
}

/** Order id → the request with a key that cancelled it, as long as its key is kept. */
async function cancellingRequests(
  sql: Pick<SqlExecutor, 'query'>,
  rows: readonly Pick<StepRow, 'orderId' | 'userId'>[],
): Promise<Map<string, CancellingRequest>> {
  if (rows.length === 0) return new Map();
  const scopes = rows.flatMap(({ orderId, userId }) => [userId, cancelScope(orderId)]);
  const keys = await sql.query<CancellingRequest & { scope: string }>(
    `SELECT scope, idem_key AS \`key\`, request_hash AS requestHash, request_id AS requestId FROM idempotency_key
      WHERE (user_id, scope) IN (${rows.map(() => `(${placeholders(2)})`).join(',')})`,
    scopes,
  );
  const byScope = new Map(keys.map((row) => [row.scope, row]));
  return new Map(
    rows.flatMap(({ orderId }) => {
      const found = byScope.get(cancelScope(orderId));
      return found ? [[orderId, found]] : [];
    }),
  );
}
