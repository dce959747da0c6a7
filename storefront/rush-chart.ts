import type { Rush } from './types.ts';

/** The lines of a rush's chart, in this order. */
export const LINES = ['issued', 'sold', 'refused'] as const;
export type Line = (typeof LINES)[number];

export interface Chart {
  /** Points of each line: `x,y x,y …` within the size asked for; y grows downwards. */
  readonly lines: Readonly<Record<Line, string>>;
  /** The greatest value, at the top. */
  readonly most: number;
  /** The time at the right edge, ms. */
  readonly ms: number;
}

/** Numbers of coupons issued, and of orders completed or refused. */
export function valuesOf({ coupons, orders }: Rush): Record<Line, number> {
  return { issued: coupons.issued, sold: orders.completed, refused: refusals(orders.refused) };
}

export function refusals(byCode: Rush['orders']['refused']): number {
  return Object.values(byCode).reduce((sum, count) => sum + count, 0);
}

/**
 * Draws the states of a rush as lines over time. Both axes reach at least to 1, so that an empty chart is valid too.
 */
export function chartOf(states: readonly Rush[], { width, height }: { width: number; height: number }): Chart {
  const ms = Math.max(1, ...states.map((state) => state.elapsedMs));
  const most = Math.max(1, ...states.flatMap((state) => Object.values(valuesOf(state))));
  const at = (time: number, value: number) =>
    `${Math.round((time / ms) * width)},${Math.round(height - (value / most) * height)}`;
  const line = (name: Line) => states.map((state) => at(state.elapsedMs, valuesOf(state)[name])).join(' ');
  return { lines: { issued: line('issued'), sold: line('sold'), refused: line('refused') }, most, ms };
}
