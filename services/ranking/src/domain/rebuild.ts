import type { ReceivedEvent } from '@shop/events';
import type { BusinessDay } from './business-day.ts';
import type { SalesEvent } from './sales.ts';

/** A generation being rebuilt beside the live one, or just gone live with an inbox not yet merged. */
export interface NextGeneration {
  readonly generation: number;
  /** Recounted from this day on; undefined: all days. */
  readonly firstDay: BusinessDay | undefined;
  /** Days before `firstDay` are copied from the live generation; up to this day it has been done. */
  readonly copiedDay: BusinessDay | undefined;
}

/** The generations that batches write to. */
export interface Generations {
  readonly live: number;
  readonly next: NextGeneration | undefined;
}

/**
 * How a day comes to the next generation. `recounted`: by its events, each once by that generation's inbox. `copied`:
 * it has been copied and gets the live generation's changes. `uncopied`: it gets nothing, since it will be copied.
 */
export function shareOf(
  day: BusinessDay,
  { firstDay, copiedDay }: NextGeneration,
): 'recounted' | 'copied' | 'uncopied' {
  if (firstDay === undefined || day >= firstDay) return 'recounted';
  return copiedDay !== undefined && day <= copiedDay ? 'copied' : 'uncopied';
}

/** The day whose totals an event changes; undefined if it changes none. */
export function saleDayOf(
  event: SalesEvent | ReceivedEvent,
  dayOf: (at: number) => BusinessDay,
): BusinessDay | undefined {
  if (event.type === 'order-completed') return dayOf(event.data.completedAt);
  if (event.type !== 'order-cancelled' || !event.data.wasCompleted) return undefined;
  return event.data.completedAt === null ? undefined : dayOf(event.data.completedAt);
}

/**
 * The first day of which the topics hold everything: the first that begins at `heldSince` or later, since an order's
 * events come at its completion or after it. Undefined: everything is held.
 */
export function firstRecountedDay(
  heldSince: Date | undefined,
  dayOf: (at: number) => BusinessDay,
): BusinessDay | undefined {
  if (!heldSince) return undefined;
  const before = dayOf(heldSince.getTime() - 1);
  return new Date(Date.parse(`${before}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
