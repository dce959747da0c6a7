import { type EventDataByType, type PastEvent, type PublishedRows, pagesAfter } from '@shop/events';

interface StepRow {
  readonly orderId: string;
  readonly seq: number;
  readonly type: 'order-created' | 'order-completed' | 'order-cancelled';
  /** The event's data, as JSON. */
  readonly data: string;
  readonly at: Date;
}

/** The order service's events: an order's history keeps the data of each as it was published. */
export const orderPublished: readonly PublishedRows[] = [
  {
    types: ['order-created', 'order-completed', 'order-cancelled'],
    async *read(sql, since) {
      const steps = pagesAfter<StepRow>((last, limit) =>
        sql.query(
          `SELECT order_id AS orderId, seq, type, data, happened_at AS at FROM order_history
            WHERE type IN ('order-created', 'order-completed', 'order-cancelled') AND happened_at >= ?
              AND (order_id > ? OR (order_id = ? AND seq > ?)) ORDER BY order_id, seq LIMIT ?`,
          [since, last?.orderId ?? '', last?.orderId ?? '', last?.seq ?? 0, limit],
        ),
      );
      for await (const page of steps) yield page.map(toEvent);
    },
  },
];

function toEvent({ type, data, at }: StepRow): PastEvent {
  // The column holds what this service wrote with this type.
  const event = { type, data: JSON.parse(data) as EventDataByType[typeof type] };
  return { event: event as PastEvent['event'], at };
}
