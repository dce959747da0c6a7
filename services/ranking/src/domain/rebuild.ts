import type { ReceivedEvent } from '@shop/events';
import type { BusinessDay } from './business-day.ts';
import type { SalesEvent } from './sales.ts';

/** A generation that is rebuilt beside the live one, or has just gone live and whose inbox is not yet merged. */
export interface NextGeneration {
  readonly generation: number;
  /** Recounted from this day on; undefined: all days. */
  readonly firstDay: BusinessDay | undefined;
  /** Of the days before `firstDay`, those up to this one are copied from the live generation. */
  readonly copiedDay: BusinessDay | undefined;
}

/** Which generations there are to write to. */
export interface Generations {
  readonly live: number;
  readonly next: NextGeneration | undefined;
}

/**
 * How a day comes to the next generation. `recounted`: by its events, each once by the inbox of that generation.
 * `copied`: it has been copied, so it gets what the live generation gets. `uncopied`: it gets nothing, for it will be.
 */
export function shareOf(
  day: BusinessDay,
  { firstDay, copiedDay }: NextGeneration,
): 'recounted' | 'copied' | 'uncopied' {
  if (firstDay === undefined || day >= firstDay) return 'recounted';
  return copiedDay !== undefined && day <= copiedDay ? 'copied' : 'uncopied';
}

/** The day whose totals an event changes; undefined where it changes none. */
export function saleDayOf(
  event: SalesEvent | ReceivedEvent,
  dayOf: (at: number) => BusinessDay,
): BusinessDay | undefined {
  if (event.type === 'order-completed') return dayOf(event.data.completedAt);
  if (event.type !== 'order-cancelled' || !event.data.wasCompleted) return undefined;
  return event.data.completedAt === null ? undefined : dayOf(event.data.completedAt);
}

/**
 * The first day of which the topics hold everything: the first that begins at `heldSince` or later. An order's events
 * come at its completion or after it. Undefined: everything is held.
 */
export function firstRecountedDay(
  heldSince: Date | undefined,
  dayOf: (at: number) => BusinessDay,
): BusinessDay | undefined {
  if (!heldSince) return undefined;
  const before = dayOf(heldSince.getTime() - 1);
  return new Date(Date.parse(`${before}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
