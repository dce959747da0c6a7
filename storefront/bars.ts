/** A bar of a picture of bars, one under the other. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Something is wrong with it, whatever its length. */
  readonly bad: boolean;
}

/**
 * The length of each bar, of `width`. Lengths grow with the logarithm, so that one message behind is seen beside ten
 * thousand; nothing has no length.
 */
export function lengthsOf(bars: readonly Bar[], width: number): number[] {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return bars.map(({ value }) =>
    value <= 0 ? 0 : Math.max(2, Math.round((Math.log1p(value) / Math.log1p(most)) * width)),
  );
}
