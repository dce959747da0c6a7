import type { EventType, MissedEvent } from '@shop/events';

/**
 * The place of an event among those of its key. Events of an order come from several services, whose clocks differ, so
 * the order of the saga counts. Events that are alone in their topic's keys come as their publisher gives them.
 * An event that no rows tell again (services/publications.ts) needs no place.
 */
export const STEP: Readonly<Partial<Record<EventType, number>>> = {
  'order-created': 0,
  'stock-awaited': 1,
  'stock-reserved': 1,
  'stock-rejected': 1,
  'coupon-redeemed': 2,
  'coupon-rejected': 2,
  'payment-completed': 3,
  'payment-failed': 3,
  'order-completed': 4,
  'order-cancelled': 5,
  'payment-refunded': 6,
  'product-changed': 0,
  'points-charged': 0,
  'coupon-policy-created': 0,
  'coupon-issued': 1,
  'coupon-policy-ended': 2,
  'coupon-issue-requested': 0,
};

/** Each key's events in their order; the key whose first event is the oldest comes first. */
export function byKeyInOrder<E extends Pick<MissedEvent, 'key' | 'type'> & { readonly at: Date }>(
  events: readonly E[],
): E[][] {
  // Both sorts are stable: events of the same step stay as they came.
  const keys = [...Map.groupBy(events, ({ key }) => key).values()];
  const ordered = keys.map((own) => own.toSorted((a, b) => stepOf(a.type) - stepOf(b.type)));
  const first = (own: readonly E[]) => Math.min(...own.map(({ at }) => at.getTime()));
  return ordered.sort((a, b) => first(a) - first(b));
}

function stepOf(type: string): number {
  return STEP[type as EventType] ?? 0;
}

/** Runs of whole keys with at most `limit` events, or one key with more. */
export function chunksOfKeys<E>(keys: readonly (readonly E[])[], limit: number): E[][] {
  const chunks: E[][] = [];
  for (const own of keys) {
    const last = chunks.at(-1);
    if (last && last.length + own.length <= limit) last.push(...own);
    else chunks.push([...own]);
  }
  return chunks;
}
