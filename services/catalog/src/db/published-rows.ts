import { keysOfRequests } from '@shop/chassis';
import { type NewEvent, type PublishedRows, pagesAfter } from '@shop/events';
import { stockAwaited, stockRejected, stockReserved } from '../domain/reservation.ts';
import type { Reservation } from '../domain/states.ts';
import { productChanged, type RecordedChange } from '../usecases/change-products.ts';
import { type ReservationRow, readLines, toReservation } from './catalog-store.ts';

/** Longest time from a row's creation to the sending of its first event, ms. */
const SENT_WITHIN_MS = 60_000;
/**
 * Longest wait in line whose end is told, ms. Groups remember what they applied for a day longer than rows are looked
 * through, so nothing is told that they may have forgotten.
 */
const WAITED_WITHIN_MS = 12 * 3_600_000;

/** The catalog's events, from the reservations and from operators' changes. */
export const catalogPublished: readonly PublishedRows[] = [
  {
    types: ['stock-awaited', 'stock-reserved', 'stock-rejected'],
    partly:
      'stock-rejected has no productId and no totalAmount (null), stock-awaited the productId 0, the reason PIECES_HELD, and neither lines nor expectedTotal (null): the row keeps none of these',
    async *read(sql, since) {
      const from = new Date(since.getTime() - SENT_WITHIN_MS);
      const joinedFrom = new Date(since.getTime() - WAITED_WITHIN_MS);
      const rows = pagesAfter<Omit<ReservationRow, 'product_id' | 'pieces'> & { created_at: Date }>((last, limit) =>
        sql.query(
          `SELECT order_id, user_id, coupon_id, status, reason, total_amount, waited, created_at FROM reservations
            WHERE ((created_at >= ? AND (status <> 'VOID' OR waited = 1)) OR ${SERVED_LATE}) AND order_id > ? ORDER BY order_id LIMIT ?`,
          [from, joinedFrom, from, last?.order_id ?? '', limit],
        ),
      );
      for await (const page of rows) {
        const lines = await readLines(
          sql,
          page.map((row) => row.order_id),
        );
        yield page.flatMap((row) => {
          const events = ofReservation(toReservation(row, lines)).map((event) => ({ event, at: row.created_at }));
          return row.created_at < from ? events.filter(({ event }) => event.type !== 'stock-awaited') : events;
        });
      }
    },
  },
  {
    types: ['product-changed'],
    partly: 'product-changed has its idempotencyKey and requestHash only while the key is kept (null afterwards)',
    async *read(sql, since) {
      const rows = pagesAfter<ChangeRow>((last, limit) =>
        sql.query(
          `SELECT request_id AS requestId, product_id AS productId, version, change_type AS \`change\`, name, price,
                  stock_delta AS stockDelta, available, on_sale AS onSale, created_at AS at FROM product_changes
            WHERE created_at >= ? AND (product_id > ? OR (product_id = ? AND version > ?))
            ORDER BY product_id, version LIMIT ?`,
          [since, last?.productId ?? 0, last?.productId ?? 0, last?.version ?? 0, limit],
        ),
      );
      for await (const page of rows) {
        const keys = await keysOfRequests(sql, page);
        yield page.map(({ at, onSale, ...row }) => {
          const change = { ...row, onSale: onSale === null ? null : onSale === 1 };
          return { event: productChanged(change, keys.get(row.requestId)), at };
        });
      }
    },
  },
];

/**
 * Orders that joined the line earlier, and may have left it since. One that gave its pieces back may have got them at
 * any time, and nobody waits for its stock-reserved any more: it is cancelled.
 */
const SERVED_LATE = `(created_at >= ? AND waited = 1 AND status IN ('ACTIVE', 'SOLD', 'REJECTED') AND updated_at >= ?)`;

type ChangeRow = Omit<RecordedChange, 'onSale'> & { onSale: number | null; at: Date };

function ofReservation(reservation: Reservation): NewEvent[] {
  const { orderId, userId, couponId, waited } = reservation;
  const awaited = waited ? [stockAwaited({ orderId, userId, couponId }, 'PIECES_HELD', 0)] : [];
  if ('lines' in reservation) return [...awaited, stockReserved(reservation)];
  return reservation.status === 'REJECTED' ? [...awaited, stockRejected(reservation, null, null)] : awaited;
}
